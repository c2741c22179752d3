pub mod encoding;
pub mod number;
pub mod request;
