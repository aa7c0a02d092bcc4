//! The console in a real Chromium, as a person would use it: at laptop and at phone width, without
//! a single script of ours to rely on.
//!
//! Runs where `chromium` and `chromedriver` are found. With `AUTORISEN_SCREENSHOTS=folder` every page
//! on the way is kept as a picture.

mod browser;
mod story;

use testkit::{TestApp, TestEngine};

use browser::{Browser, Width};

async fn plays(width: Width) {
    if !testkit::require("chromium", browser::missing()) {
        return;
    }
    let app = TestApp::start(TestEngine::Sqlite, autorisen::standard()).await;
    let mut browser = Browser::open(&app, width).await;
    let told = story::main_job(&app, &mut browser).await;
    browser.close().await;
    assert!(told.pages >= 12, "the story shows every page of the main job, it showed {}", told.pages);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_works_on_a_laptop() {
    plays(Width::Laptop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_works_on_a_phone() {
    plays(Width::Phone).await;
}
