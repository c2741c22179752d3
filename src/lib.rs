pub mod number;
pub mod request;
