//! One integration target; its modules mirror the layers and the pages of `docs/`.

mod adding_a_scheme;
mod additive;
mod ask;
mod audit;
mod cli_vectors;
mod config_page;
mod consumer;
mod contract;
mod corpus;
mod coverage;
mod diagnosis;
mod doors;
mod dumps;
mod fault;
mod fresh;
mod generate;
mod identify;
mod judge;
mod kill;
mod ladder;
mod limits;
mod model;
mod mutants;
mod number;
mod oracles;
mod package;
mod positions;
mod profile;
mod proofs;
mod readme;
mod reports;
mod request;
mod robust;
mod schemes;
mod show;
mod sweep;
mod table;
mod theorem;
mod tier;
mod vector;

/// The tests name files as somebody would who stands at the root of the repository.
#[ctor::ctor(unsafe)]
fn stand_at_the_root() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::env::set_current_dir(root).expect("the root of the repository");
}
