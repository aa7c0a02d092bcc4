//! Rights before content: each operation that takes a body says which right it needs, says the same as
//! its handler demands, and tells whoever lacks it nothing about the body.

use testkit::{TestEngine, json};

use crate::code::files;
use crate::generated::prepared;
use crate::operations::{document, operations};
use crate::settings::declared;
use crate::world::World;

#[test]
fn every_body_stands_behind_the_right_that_its_handler_demands() {
    let files = files();
    let prepared = prepared();
    let names: Vec<_> = prepared.registry().all_permissions().iter().map(|it| (declared(&files, it.code), it.code)).collect();
    let mut found = 0;
    for file in &files {
        for handler in file.text.split("#[utoipa::path(").skip(1).filter_map(|rest| rest.split("\n}").next()) {
            let demanded = names
                .iter()
                .find(|(name, _)| [".begin(", ".begin_reading("].iter().any(|begin| handler.contains(&format!("{begin}{name})"))));
            let Some((_, code)) = demanded.filter(|_| handler.contains("Json<")) else { continue };
            let says = format!("\"x-permission\" = json!(\"{code}\")");
            assert!(handler.contains(&says), "{}: a handler with a body demands {code} and its description doesn't say so", file.path);
            found += 1;
        }
    }
    assert!(found >= 10, "only {found} were found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told_so_before_what_is_wrong() {
    let world = World::new(TestEngine::Sqlite).await;
    let mut asked = 0;
    for operation in operations(&document(&world.app).await) {
        let Some(code) = operation.says["x-permission"].as_str().filter(|code| *code != "org:read") else { continue };
        for body in [json!({}), json!([1]), json!({"no_such_field": 1})] {
            let id = |it: &crate::operations::PathParameter| {
                world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or_default().to_owned()
            };
            operation.call(&world.app.nobody(), id, Some(&body)).await.refused(401, "not_authenticated");
            let told = operation.call(&world.clerk, id, Some(&body)).await;
            assert_eq!((told.status, told.code()), (403, "permission_denied"), "{operation} ({code}): {}", told.text);
        }
        asked += 1;
    }
    assert!(asked >= 10, "only {asked} were asked");
    world.app.finish().await;
}
