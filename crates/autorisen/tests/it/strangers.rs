//! Every route refuses strangers: nobody, and an admin of another organization who knows acme's ids.

use store::Guards;
use testkit::{Answer, Value, engines, json};

use crate::bodies::{body, ids_in};
use crate::operations::{Operation, PathParameter, document, operations, prefix_of};
use crate::routes::{Route, mounted};
use crate::world::{PAYER, World};

/// Kinds of ids that a person of another organization meets rightly: their own.
const WORDS_OF_ACME: [&str; 4] = ["acme.test", "Ada Payer", PAYER, "Rep Orted"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_refuses_strangers() {
    for engine in engines() {
        sweep(World::new(engine).await).await;
    }
}

/// A query that forgets its filter meets the database's own guard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_refuses_strangers_without_the_typed_filters() {
    for engine in engines() {
        sweep(World::with(engine, Guards { typed_filters: false, ..Guards::default() }).await).await;
    }
}

async fn sweep(world: World) {
    let before = world.app.rows_of(world.acme).await;
    for operation in &operations(&document(&world.app).await) {
        nobody(&world, operation).await;
        mallory_in_the_path(&world, operation).await;
        mallory_in_the_body(&world, operation).await;
        mallory_in_the_query(&world, operation).await;
    }
    world.is_unchanged(&before, "a stranger").await;
    world.app.finish().await;
}

/// The same sweep by somebody who may: were the ids or bodies wrong, everything above would be refused
/// for another reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_are_refused_is_open_to_those_who_may() {
    let world = World::new(testkit::TestEngine::Sqlite).await;
    for operation in operations(&document(&world.app).await).iter().filter(|it| it.method == "GET" && !it.path_parameters().is_empty()) {
        let answer = operation.call(&world.alice, |it| of_acme(&world, it), None).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
    }
    world.app.finish().await;
}

/// Pages that anybody may look at.
const PUBLIC_PAGES: [&str; 7] = ["/", "/forgot", "/invitations/accept", "/reset", "/signin", "/signup", "/verify"];

/// The pages: nobody is sent to sign in, mallory finds nothing, alice sees them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_refuses_strangers() {
    let world = World::new(testkit::TestEngine::Sqlite).await;
    let pages: Vec<_> = mounted().into_iter().filter(Route::is_page).collect();
    assert!(pages.len() > 15, "only {pages:?} were found");
    let (alice, mallory) = (world.app.browser_of("alice@acme.test").await, world.app.browser_of("mallory@globex.test").await);
    for route in pages {
        let path = route.of_acme(&world);
        let public = PUBLIC_PAGES.contains(&route.path.as_str());
        let nobody = world.app.browser().open(&path).await;
        let sent_to_sign_in = nobody.status == 303 && nobody.header("location").starts_with("/signin");
        assert!(public || sent_to_sign_in, "{path} shows nobody {}", nobody.status);
        let theirs = mallory.open(&path).await;
        assert!(route.path == path || theirs.status == 404, "{path} shows mallory {}", theirs.status);
        for word in world.samples.all().filter(|id| !path.contains(id)).chain(WORDS_OF_ACME) {
            assert!(!theirs.text.contains(word), "{path} tells mallory {word}");
        }
        let own = alice.open(&path).await;
        assert!(matches!(own.status, 200 | 303) || public, "{path} shows alice {} {}", own.status, own.text);
    }
    world.app.finish().await;
}

async fn nobody(world: &World, operation: &Operation) {
    let answer = operation.call(&world.app.nobody(), |it| of_acme(world, it), body(operation, "nobody").as_ref()).await;
    if operation.is_public() {
        // A token of nobody may lead nowhere; the route itself is there.
        assert!(![500, 405].contains(&answer.status) && answer.code() != "not_found", "{operation}: {}", answer.text);
    } else {
        answer.refused(401, "not_authenticated");
    }
    tells_nothing(world, operation, &answer);
}

/// Acme's id of the kind that this position takes. A new kind of id needs a sample in the story.
fn of_acme(world: &World, parameter: &PathParameter) -> String {
    let Some(prefix) = &parameter.prefix else {
        assert!(matches!(parameter.name.as_str(), "ref" | "reference"), "say in strangers.rs what acme's {} is", parameter.name);
        return world.reference.clone();
    };
    world.samples.get(prefix).unwrap_or_else(|| panic!("the story of acme makes no {prefix}_ id")).to_owned()
}

async fn mallory_in_the_path(world: &World, operation: &Operation) {
    if operation.path_parameters().is_empty() {
        return;
    }
    let answer = operation.call(&world.mallory, |it| of_acme(world, it), body(operation, "mallory").as_ref()).await;
    assert_eq!(answer.status, 404, "{operation}: {}", answer.text);
    tells_nothing(world, operation, &answer);
}

async fn mallory_in_the_body(world: &World, operation: &Operation) {
    let Some(schema) = operation.body() else { return };
    for (field, prefix) in ids_in(schema) {
        let mut body = body(operation, "mallory").expect("what has a schema has a body");
        body[&field] = of_acme(world, &PathParameter { name: field.clone(), prefix: Some(prefix) }).into();
        let answer = operation.call(&world.mallory, |it| of_acme(world, it), Some(&body)).await;
        assert!(matches!(answer.status, 403 | 404 | 422), "{operation} with acme's {field}: {} {}", answer.status, answer.text);
        tells_nothing(world, operation, &answer);
    }
}

/// A list that is asked for acme's rows is empty, or says that there are none.
async fn mallory_in_the_query(world: &World, operation: &Operation) {
    if operation.method != "GET" || !operation.path_parameters().is_empty() {
        return;
    }
    let plain = operation.call(&world.mallory, |_| String::new(), None).await;
    tells_nothing(world, operation, &plain);
    for parameter in operation.parameters().filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = match prefix_of(&parameter["schema"]) {
            Some(prefix) => of_acme(world, &PathParameter { name: name.to_owned(), prefix: Some(prefix) }),
            None if matches!(name, "q" | "email" | "external_ref") => PAYER.to_owned(),
            None => continue,
        };
        let request = world.mallory.request(operation.method.clone(), &operation.path).query(&[(name, &value)]);
        let answer = world.mallory.send(request).await;
        let empty = answer.status == 200 && answer.body["data"] == json!([]);
        assert!(empty || matches!(answer.status, 404 | 422), "{operation} with {name}={value}: {}", answer.text);
        tells_nothing(world, operation, &answer);
    }
}

#[track_caller]
fn tells_nothing(world: &World, operation: &Operation, answer: &Answer) {
    // What a public route echoes is the caller's own.
    if operation.is_public() {
        return;
    }
    let data = answer.body.get("data").unwrap_or(&Value::Null).to_string();
    for word in world.samples.all().chain(WORDS_OF_ACME) {
        assert!(!data.contains(word), "{operation} tells a stranger {word}: {}", answer.text);
    }
}
