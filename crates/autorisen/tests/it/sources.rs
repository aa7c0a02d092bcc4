//! What the sources must not hold. Each rule names the lines that break it.

use crate::code::{File, TOOLS, files, root};

/// Lines of a file without its tests, of a function, and of a handler.
const FILE_MAX: usize = 400;
const FUNCTION_MAX: usize = 60;
const HANDLER_MAX: usize = 12;

/// Where the program may ask which engine runs, besides `store`, a feature's own `store` module and
/// migrations.
const ENGINE_ASKED: [(&str, &str); 1] = [("crates/cli/src/story/", "the story says where it plays")];

#[track_caller]
fn none(rule: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<_> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// The room `store`, a feature's private `store` module, and migrations.
fn may_know_the_engine(file: &File) -> bool {
    let own = |part: &str| matches!(part, "store" | "store.rs" | "ledger") || part.starts_with("migration");
    let outside = TOOLS.contains(&file.room.as_str());
    outside
        || file.room == "store"
        || file.path.split('/').skip(3).any(own)
        || ENGINE_ASKED.iter().any(|(path, _)| file.path.starts_with(path))
}

fn asks_for_the_engine(line: &str) -> bool {
    ["Engine::Sqlite", "Engine::Postgres", "DbBackend::", "DatabaseBackend::"].iter().any(|word| line.contains(word))
}

#[test]
fn the_walk_finds_the_rooms() {
    let files = files();
    assert!(files.len() > 200, "only {} files were found", files.len());
    assert!(files.iter().any(|file| file.functions().iter().any(|function| function.is_handler)));
    assert!(!files.iter().any(|file| file.text.contains("#[cfg(test)]\nmod tests {")));
}

#[test]
fn only_stores_and_migrations_ask_which_engine_runs() {
    let files = files();
    let others = files.iter().filter(|file| !may_know_the_engine(file));
    none("asks which engine runs", others.flat_map(|file| file.lines_where(asks_for_the_engine)));
    for (path, reason) in ENGINE_ASKED {
        let mut of_path = files.iter().filter(|file| file.path.starts_with(path));
        let used = of_path.any(|file| file.lines_where(asks_for_the_engine).next().is_some());
        assert!(used, "{path} no longer asks ({reason}); take it off the list");
    }
}

#[test]
fn no_condition_is_made_of_text() {
    let custom = |line: &str| line.contains("Expr::cust") || line.contains("SimpleExpr::Custom");
    none("SQL as text", files().iter().filter(|file| file.room != "store").flat_map(|file| file.lines_where(custom)));
}

#[test]
fn nothing_is_unwrapped() {
    none("unwraps", files().iter().flat_map(|file| file.lines_where(|line| line.contains(".unwrap()"))));
}

#[test]
fn nothing_is_left_to_do() {
    // Put together here, so that the walk doesn't find itself.
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    let mut broken = Vec::new();
    for file in files() {
        let left = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| words.iter().any(|known| known == word));
        let lines = file.text.lines().enumerate().filter(|(_, line)| left(line));
        broken.extend(lines.map(|(at, line)| format!("{}:{}: {}", file.path, at + 1, line.trim())));
    }
    none("work is left", broken);
}

#[test]
fn files_have_at_most_400_lines() {
    let long = files().into_iter().map(|file| (file.text.lines().count(), file.path)).filter(|(lines, _)| *lines > FILE_MAX);
    none("too long", long.map(|(lines, path)| format!("{path} has {lines}")));
}

#[test]
fn functions_have_at_most_60_lines_and_handlers_12() {
    let mut long = Vec::new();
    for file in files() {
        for function in file.functions() {
            let limit = if function.is_handler { HANDLER_MAX } else { FUNCTION_MAX };
            if function.lines > limit {
                long.push(format!("{}:{} {} has {} of {limit}", file.path, function.at, function.name, function.lines));
            }
        }
    }
    none("too long", long);
}

/// A connection of one's own would go past the doors.
#[test]
fn nobody_but_the_store_connects() {
    let words = ["Database::connect", "sqlx::query", "sqlx::raw_sql", "PgPool", "SqlitePool", "DatabaseConnection"];
    let connects = |line: &str| words.iter().any(|word| line.contains(word));
    let bound = |file: &&File| file.room != "store" && !TOOLS.contains(&file.room.as_str());
    none("connects by itself", files().iter().filter(bound).flat_map(|file| file.lines_where(connects)));
}

/// The unscoped door says why it is opened, in words.
#[test]
fn every_use_of_the_system_door_says_why() {
    let silent = |line: &str| {
        let opened = line.split_once(".system(\"").or_else(|| line.split_once(".system_read(\""));
        opened.and_then(|(_, rest)| rest.split('"').next()).is_some_and(|why| why.split_whitespace().count() < 3)
    };
    none("opens the system door without a reason", files().iter().flat_map(|file| file.lines_where(silent)));
}

#[test]
fn the_pages_that_the_readme_names_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a readme");
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let missing = links.filter(|link| !link.is_empty() && !link.contains("://") && !root().join(link).exists());
    none("the readme names what is not there", missing.map(str::to_owned));
}
