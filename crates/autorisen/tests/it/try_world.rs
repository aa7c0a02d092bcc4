#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_plays() {
    for engine in testkit::engines() {
        let world = crate::world::World::new(engine).await;
        let rows = world.app.rows_of(world.acme).await;
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        for t in world.app.tables().await { if t.is_tenant() { counts.insert(t.name, 0); } }
        for r in &rows { *counts.entry(r.table.clone()).or_default() += 1; }
        println!("{engine:?} {counts:?}\n{:?}", world.samples);
        for s in store::testing::recorded(&world.app.core.store) { println!("{}", s.sql); }
        world.app.finish().await;
    }
}
