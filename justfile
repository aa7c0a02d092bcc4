# The list of what one does here. `just` alone prints it.
default:
    @just --list

# Start the server on http://127.0.0.1:8000.
serve:
    cargo run -- serve

# Two organizations, some hundred customers and two months of payments; `just demo --story` tells the main job in the terminal.
demo *options:
    cargo run -- demo {{options}}

# All tests; PostgreSQL and Chromium are used when they are found.
test:
    cargo test

# Faults made on purpose, and what holds all the same: `just chaos kill --rounds 100`, `just chaos --list`.
chaos *asked:
    cargo build -p autorisen-cli -p autorisen-chaos
    cargo run -q -p autorisen-chaos -- {{asked}}

# Every operation with documents drawn from its description, right and wrong ones: `just fuzz --examples 200`.
fuzz *options:
    .ci/fuzz {{options}}

# The bill of materials of a release, in target/sbom.
sbom:
    bash .ci/sbom

# Write the generated files anew: docs/ERRORS.md, docs/config.md.
generate:
    AUTORISEN_GENERATE=1 cargo test -p autorisen --test it generated

# Measure: `just bench` writes docs/performance.md, `just bench --quick` and `just bench --only me,list` print.
bench *options:
    cargo build --release -p autorisen-cli -p autorisen-bench
    ${CARGO_TARGET_DIR:-target}/release/autorisen-bench {{options}}

# Format and lint.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, bans, sources and known weaknesses of what we depend on (cargo install cargo-deny).
deny:
    cargo deny check

# Every check of the gate.
ci:
    bash .ci/run
