use super::Fault;
pub(super) fn faults() -> Vec<Fault> {
    vec![]
}
