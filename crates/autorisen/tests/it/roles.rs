//! Who may do what: every operation by everybody, against a committed table. A change of the table is
//! a change of who may do what; look at it with that in mind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use testkit::{Client, TestEngine};

use crate::bodies::body;
use crate::operations::{Operation, PathParameter, document, operations};
use crate::world::World;

/// Operations after which the caller has no session any more come last.
const ENDING: [&str; 2] = ["end_session", "logout"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_do_what_is_as_the_table_says() {
    let world = World::new(TestEngine::Sqlite).await;
    let mut all = operations(&document(&world.app).await);
    let ends = |it: &Operation| ENDING.iter().position(|id| *id == it.id).map_or(0, |place| place + 2);
    all.sort_by_key(|it| (ends(it).max(usize::from(it.method == "DELETE")), it.path.clone(), it.method.to_string()));
    let mut rows = BTreeMap::new();
    for operation in &all {
        rows.insert(format!("{} {}", operation.path, operation.method), row(&world, operation).await);
    }
    insta::assert_snapshot!("roles", table(&rows));
    world.app.finish().await;
}

fn table(rows: &BTreeMap<String, Vec<u16>>) -> String {
    let mut text = format!("{:54} nobody  globex  key     viewer  user    admin\n", "");
    for (operation, statuses) in rows {
        let cells: Vec<_> = statuses.iter().map(|status| format!("{status:<6}")).collect();
        let _ = writeln!(text, "{operation:54} {}", cells.join("  ").trim_end());
    }
    text
}

/// The least mighty first: what the admin does may use up what it is done to.
async fn row(world: &World, operation: &Operation) -> Vec<u16> {
    let nobody = world.app.nobody();
    let cast: [(&str, &Client); 6] = [
        ("nobody", &nobody),
        ("globex", &world.mallory),
        ("key", &world.clerk),
        ("viewer", &world.vera),
        ("user", &world.bob),
        ("admin", &world.alice),
    ];
    let mut statuses = Vec::new();
    for (who, client) in cast {
        let answer = operation.call(client, |it| subject(world, operation, it), body(operation, who).as_ref()).await;
        assert!(answer.status < 500, "{operation} as {who}: {}", answer.text);
        assert!(operation.statuses().contains(&answer.status), "{operation} as {who} answers {}, which it doesn't document", answer.status);
        statuses.push(answer.status);
    }
    judge(operation, &statuses);
    statuses
}

/// What must be so whatever the table says.
fn judge(operation: &Operation, statuses: &[u16]) {
    let [nobody, globex, key, viewer, user, admin] = statuses else { panic!("six columns") };
    if operation.is_public() {
        assert!(statuses.iter().all(|status| status == nobody), "{operation} is for anybody and not alike for all: {statuses:?}");
        return;
    }
    assert_eq!(*nobody, 401, "{operation}");
    if !operation.path_parameters().is_empty() {
        assert_eq!(*globex, 404, "{operation}");
    }
    let own = operation.path.starts_with("/v1/auth/") && operation.path != "/v1/auth/org";
    if operation.is_write() && !own && operation.id != "accept_invitation" && operation.id != "classify_decline" {
        assert_eq!((*viewer, *key), (403, 403), "{operation}: a viewer writes nothing, nor does a key without the scope");
    }
    let is_open = |status: &u16| *status < 400;
    assert!(!is_open(viewer) || is_open(user), "{operation}: a user may all that a viewer may");
    assert!(!is_open(user) || is_open(admin), "{operation}: an admin may all that a user may");
}

/// What it is done to: something that may be used up where that is what happens.
fn subject(world: &World, operation: &Operation, parameter: &PathParameter) -> String {
    let Some(prefix) = &parameter.prefix else { return world.reference.clone() };
    let spare = world.spare.get(prefix).filter(|_| operation.method == "DELETE");
    let found = spare.or_else(|| world.samples.get(prefix));
    found.unwrap_or_else(|| panic!("the story of acme makes no {prefix}_ id")).to_owned()
}
