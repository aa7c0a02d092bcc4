//! Secrets: where they are drawn, and that none travels in an address.

use std::collections::BTreeSet;

use testkit::{TestApp, TestEngine};

use crate::code::{File, TOOLS, files, root};
use crate::operations::{document, operations, text};
use crate::routes::mounted;
use crate::world::modules;

/// Words in the name of what must stay secret.
const SECRET: [&str; 9] = ["token", "secret", "password", "api_key", "access", "refresh", "session", "credential", "cookie"];

/// Addresses that carry a secret, and why.
const LINKS: [(&str, &str); 4] = [
    ("identity/src/pages/invited.rs: Link.token", "the link of an invitation: works once, by the press of a button"),
    ("identity/src/pages/mailed.rs: Mailed.token", "the links of mails: work once, by the press of a button"),
    ("/pay/{token}", "a payer's link: leads to the provider's page and tells nothing else"),
    ("/pay/{token}/done", "where the provider sends the payer back to"),
];
/// Named like a secret and none: the sandbox's checkout, in development only.
const NO_SECRETS: [&str; 1] = ["/dev/sandbox/stripe/checkout/{session}"];

fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|word| name.contains(word))
}

/// `file: Type.field` of each struct that is read off a query.
fn queried() -> BTreeSet<String> {
    let (files, mut found) = (files(), BTreeSet::new());
    for file in &files {
        for kind in file.text.split(": Query<").skip(1).filter_map(|rest| rest.split('>').next()) {
            let names = fields_of(&files, file, kind);
            let path = file.path.trim_start_matches("crates/");
            found.extend(names.into_iter().map(|name| format!("{path}: {kind}.{name}")));
        }
    }
    assert!(found.len() > 30, "only {found:?} were found");
    found
}

/// The names of the fields of a struct that `asked` mentions: declared there, elsewhere in its room, or in `web`.
fn fields_of(files: &[File], asked: &File, kind: &str) -> Vec<String> {
    let declares = format!("struct {kind} {{");
    let near = files.iter().filter(|file| file.path == asked.path);
    let room = files.iter().filter(|file| file.room == asked.room);
    let all = near.chain(room).chain(files.iter().filter(|file| file.room == "web"));
    let body = all.filter_map(|file| file.text.split_once(&declares)).find_map(|(_, rest)| rest.split("\n}").next());
    let body = body.unwrap_or_else(|| panic!("{}: nobody declares the query {kind}", asked.path));
    let fields = body.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    fields.filter_map(|line| line.trim_start_matches("pub ").split_once(':').map(|(name, _)| name.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_takes_a_secret_but_the_one_time_links() {
    let app = TestApp::start(TestEngine::Sqlite, modules()).await;
    let mut found: BTreeSet<String> =
        queried().into_iter().filter(|field| is_secret(field.rsplit('.').next().unwrap_or_default())).collect();
    let places = |path: &str| path.split('/').filter(|part| part.starts_with('{')).any(is_secret);
    found.extend(mounted().into_iter().map(|route| route.path).filter(|path| places(path)));
    for operation in operations(&document(&app).await) {
        let named = operation.parameters().filter(|it| it["in"] != "header").map(|it| text(&it["name"]));
        found.extend(named.filter(|name| is_secret(name)).map(|name| format!("{operation}: {name}")));
    }
    let known: BTreeSet<String> = LINKS.iter().map(|(known, _)| *known).chain(NO_SECRETS).map(str::to_owned).collect();
    assert_eq!(found, known, "an address with a secret stands in histories and logs");
    app.finish().await;
}

/// A form that is sent by GET writes what it holds into the address.
#[test]
fn no_form_with_a_secret_is_sent_by_get() {
    let mut seen = 0;
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                let page = std::fs::read_to_string(&path).expect("a template");
                for form in page.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next()) {
                    let posts = form.split('>').next().unwrap_or_default().contains("method=\"post\"");
                    assert!(posts || !(form.contains("password") || form.contains("_csrf")), "{}: {form}", path.display());
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} forms were found");
}

/// Sources of chance besides the kernel's.
const CHANCE: [&str; 9] =
    ["rand::", "SysRng", "OsRng", "getrandom", "thread_rng", "fastrand", "SystemRandom", "Uuid::new_v4", "RandomState::new().hash"];

/// Every token, key and id comes from `kernel::chance`, which asks the operating system.
#[test]
fn whatever_is_drawn_is_drawn_by_the_kernel() {
    let others = |room: &str| room != "kernel" && !TOOLS.contains(&room);
    let files = files();
    let lines = files
        .iter()
        .filter(|file| others(&file.room))
        .flat_map(|file| file.lines_where(|line| CHANCE.iter().any(|word| line.contains(word))));
    let broken: Vec<_> = lines.collect();
    assert!(broken.is_empty(), "chance that is not the kernel's:\n{}", broken.join("\n"));
    let kernel: Vec<_> =
        files.iter().filter(|file| file.room == "kernel" && file.text.contains("rand::")).map(|file| file.path.as_str()).collect();
    assert_eq!(kernel, ["crates/kernel/src/chance.rs"]);
    for room in files.iter().map(|file| file.room.as_str()).collect::<BTreeSet<_>>().into_iter().filter(|room| others(room)) {
        let manifest = std::fs::read_to_string(root().join("crates").join(room).join("Cargo.toml")).expect("a manifest");
        let needs = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        assert!(
            !needs.lines().any(|line| line.starts_with("rand") || line.starts_with("getrandom") || line.starts_with("fastrand")),
            "{room} draws by itself"
        );
    }
    let draws = files.iter().filter(|file| file.text.contains("chance::token()")).count();
    assert!(draws > 4, "only {draws} files draw a token");
}
