//! `migrate status`, `up` and `down`.

use crate::place::on_both;

on_both! {
    async fn the_schema_goes_up_and_down(place: Place) {
        let pending = place.run(&["migrate", "status"]).await.with(1);
        pending.complains(&["pending", "hint: autorisen migrate up"]);
        let steps = pending.out.lines().count();
        assert!(steps > 10 && pending.out.lines().all(|line| line.starts_with("pending ")), "{}", pending.out);

        let up = place.run(&["migrate", "up"]).await.fine();
        assert_eq!(up.out.lines().count(), steps, "the names are data: {}", up.out);
        assert!(up.err.contains(&format!("{steps} steps applied")), "{}", up.err);
        let applied = place.run(&["migrate", "status"]).await.fine();
        assert!(applied.out.lines().all(|line| line.starts_with("applied ")), "{}", applied.out);
        assert_eq!(place.run(&["migrate", "up"]).await.fine().out, "", "there is nothing left to do");

        let last = up.out.lines().last().expect("a step");
        let down = place.run(&["migrate", "down"]).await.fine();
        assert_eq!(down.out.trim(), last, "the last step goes first");
        let after = place.run(&["migrate", "status"]).await.with(1);
        assert_eq!(after.out.lines().filter(|line| line.starts_with("pending ")).count(), 1);

        let all = place.run(&["migrate", "down", "--steps", "1000"]).await.fine();
        assert_eq!(all.out.lines().count(), steps - 1, "{}", all.out);
        assert_eq!(place.run(&["migrate", "up"]).await.fine().out, up.out, "every `down` leaves what its `up` needs");
        place.serve().await.stop().await;
    }

    async fn a_test_server_brings_its_schema_along_and_tells_it_once(place: Place) {
        let mut server = place.serve().await;
        assert_eq!(server.count("store.migrated"), 1);
        server.stop().await;
        let mut again = place.serve().await;
        assert_eq!(again.count("store.migrated"), 0);
        again.stop().await;
        place.run(&["migrate", "status"]).await.fine();
    }
}
