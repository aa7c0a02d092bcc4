//! `demo --story`: the main job, told and checked step by step.

use testkit::Value;

use crate::place::on_both;

on_both! {
    async fn the_story_is_as_told(place: Place) {
        let ended = place.run(&["demo", "--story", "--json"]).await.fine();
        let steps: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).expect("one object per line")).collect();
        let (end, told) = steps.split_last().expect("a story");
        assert!(told.len() >= 20 && told.iter().all(|step| step["ok"] == true && step["text"].is_string()), "{}", ended.out);
        assert_eq!((end["ok"].as_bool(), end["steps"].as_u64()), (Some(true), Some(told.len() as u64)));
        assert_eq!(ended.err, "", "nothing goes wrong on the way");
        let left: Vec<_> = std::fs::read_dir(place.folder()).expect("a folder").collect();
        assert!(left.is_empty(), "a story leaves nothing behind: {left:?}");
    }

    async fn the_story_can_be_told_twice(place: Place) {
        for _ in 0..2 {
            let told = place.run(&["demo", "--story"]).await.fine();
            assert!(told.out.contains("came back") && !told.out.contains('\u{1b}'), "{}", told.out);
        }
    }
}
