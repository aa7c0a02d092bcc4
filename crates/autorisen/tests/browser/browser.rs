//! One Chromium behind its driver, ended with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::TestApp;

/// How long the driver and a page may take to appear before the test is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The widths that the console is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Laptop,
    Phone,
}

impl Width {
    const fn pixels(self) -> (u32, u32) {
        match self {
            Self::Laptop => (1280, 900),
            Self::Phone => (390, 844),
        }
    }
}

/// What is missing to run a browser here, if anything.
pub fn missing() -> Option<&'static str> {
    match (find("chromium"), find("chromedriver")) {
        (Some(_), Some(_)) => None,
        _ => Some("chromium and chromedriver are not both on this machine"),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/usr/local/bin", "/usr/lib/chromium", "/snap/bin"];
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists())
}

/// A browser window.
pub struct Browser {
    client: Client,
    driver: Child,
    base: String,
    pictures: Option<PathBuf>,
    width: Width,
    _profile: TempDir,
    pub shown: usize,
}

impl Browser {
    /// Starts the driver on a free port and a window of this width.
    pub async fn open(app: &TestApp, width: Width) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let driver = Command::new(find("chromedriver").expect("checked before"))
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let (w, h) = width.pixels();
        let mut args: Vec<String> =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
                .into_iter()
                .chain(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
                .map(str::to_owned)
                .collect();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let mut options = json!({"args": args, "binary": find("chromium").expect("checked before")});
        if width == Width::Phone {
            // A window can't be narrower than 500 pixels; a phone's screen is emulated.
            options["mobileEmulation"] = json!({"deviceMetrics": {"width": w, "height": h, "pixelRatio": 2.0, "touch": true}});
        } else {
            options["args"].as_array_mut().expect("a list").push(format!("--window-size={w},{h}").into());
        }
        let capabilities: serde_json::Map<String, Value> = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let client = connect(port, capabilities).await;
        #[expect(clippy::disallowed_methods, reason = "where pictures go is no setting of the program")]
        let pictures = std::env::var("AUTORISEN_SCREENSHOTS").ok().map(PathBuf::from);
        Self { client, driver, base: app.base.clone(), pictures, width, _profile: profile, shown: 0 }
    }

    pub async fn close(mut self) {
        self.client.clone().close().await.expect("the browser closes");
        self.driver.kill().expect("the driver ends");
        self.driver.wait().expect("the driver ends");
    }

    /// Opens a path of the application, or a whole address.
    pub async fn go(&mut self, path: &str) {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.client.goto(&url).await.expect("the page opens");
    }

    /// Looks at the page: it must fit its width, have one heading and say what it is; keeps a picture.
    pub async fn look(&mut self, name: &str) {
        self.shown += 1;
        let fits = "return document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(self.run(fits).await, Value::Bool(true), "{name} scrolls sideways on a {:?}", self.width);
        assert_eq!(self.run("return document.querySelectorAll('h1').length").await, json!(1), "{name} has one main heading");
        let unlabelled = "return [...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(e => !e.labels?.length && !e.ariaLabel).map(e => e.name)";
        assert_eq!(self.run(unlabelled).await, json!([]), "{name} has fields without a label");
        let lang = "return document.documentElement.lang !== '' && document.title !== '' && !!document.querySelector('main')";
        assert_eq!(self.run(lang).await, Value::Bool(true), "{name} says its language, its title and where its content is");
        if let Some(folder) = &self.pictures {
            std::fs::create_dir_all(folder).expect("a folder for pictures");
            let whole = self.client.screenshot().await.expect("a picture");
            std::fs::write(folder.join(format!("{:?}-{:02}-{name}.png", self.width, self.shown)), whole).expect("a picture");
        }
    }

    /// Fills a field by its name.
    pub async fn fill(&mut self, name: &str, text: &str) {
        let field = self.client.find(Locator::Css(&format!("[name='{name}']"))).await.unwrap_or_else(|_| panic!("a field {name}"));
        if field.tag_name().await.expect("a tag") == "select" {
            field.select_by_value(text).await.expect("an option");
        } else {
            field.clear().await.expect("a field that takes text");
            field.send_keys(text).await.expect("a field that takes text");
        }
    }

    /// Presses the button or follows the link with these words, and waits for the page it leads to:
    /// a form that is still on its way would be cut off by the next step.
    pub async fn press(&mut self, words: &str) {
        let path = format!("//*[self::button or self::a or self::summary][contains(normalize-space(.), \"{words}\")]");
        let found = self.client.find_all(Locator::XPath(&path)).await.expect("a page");
        for element in found {
            if element.is_displayed().await.unwrap_or(false) {
                let opens_in_place = element.tag_name().await.expect("a tag") == "summary";
                self.run("window.autorisenLeaving = true").await;
                element.click().await.unwrap_or_else(|error| panic!("pressing {words}: {error}"));
                if !opens_in_place {
                    self.has_left(words).await;
                }
                return;
            }
        }
        panic!("nothing says \"{words}\" on {}:\n{}", self.address().await, self.text().await);
    }

    /// Waits for a new document: the mark that `press` left is gone with the old one.
    async fn has_left(&mut self, words: &str) {
        let until = tokio::time::Instant::now() + PATIENCE;
        let arrived = "return window.autorisenLeaving === undefined && document.readyState === 'complete'";
        // Between two documents there is none to ask, so an error means: not yet.
        while !matches!(self.client.execute(arrived, vec![]).await, Ok(Value::Bool(true))) {
            assert!(tokio::time::Instant::now() < until, "pressing \"{words}\" led nowhere from {}", self.address().await);
        }
    }

    /// The words of the page.
    pub async fn text(&mut self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// The page must come to say this: a form that was sent may still be on its way.
    pub async fn sees(&mut self, words: &str) {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let text = self.text().await;
            if text.to_lowercase().contains(&words.to_lowercase()) {
                return;
            }
            assert!(tokio::time::Instant::now() < until, "{} does not say \"{words}\":\n{text}", self.address().await);
        }
    }

    /// The browser must come to this path.
    pub async fn arrives(&mut self, path: &str) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !self.address().await.ends_with(path) {
            assert!(tokio::time::Instant::now() < until, "at {} instead of {path}", self.address().await);
        }
    }

    pub async fn address(&mut self) -> String {
        self.client.current_url().await.expect("an address").to_string()
    }

    async fn run(&mut self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.expect("the script runs")
    }
}

async fn connect(port: u16, capabilities: serde_json::Map<String, Value>) -> Client {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let tried = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        match tried {
            Ok(client) => return client,
            Err(error) => assert!(tokio::time::Instant::now() < until, "the driver does not answer: {error}"),
        }
        // The driver needs a moment to listen; there is nothing else to wait on.
        tokio::task::yield_now().await;
    }
}
