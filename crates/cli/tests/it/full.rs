//! The disk under a running server fills up, and there is room again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::json;

use crate::somebody::until;
use crate::{Place, Somebody};

/// The service is back this long after there is room.
const HEALED_MAX: Duration = Duration::from_secs(5);
/// Far more than fits on what is left of the disk.
const WRITES_MAX: usize = 2000;

/// A small disk in a folder; it is taken off again at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).expect("a folder");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(at).stderr(std::process::Stdio::null()).status();
        let missing = (!mounted.is_ok_and(|status| status.success())).then_some("this process may not mount a small disk");
        testkit::require("tmpfs", missing).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is seen by whoever runs the tests.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

async fn write(ada: &Somebody, name: &str) -> testkit::Answer {
    ada.post("/v1/customers", json!({"name": name, "email": format!("{name}@example.com")})).await
}

#[tokio::test]
async fn a_full_disk_refuses_writes_answers_reads_and_heals_without_a_restart() {
    let place = Place::sqlite();
    let Some(disk) = SmallDisk::mount(&place.folder().join("small")) else { return };
    let mut server = place.serving(&["--data-dir", "small"]).ready().await;
    let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
    server.somebody().letter_to("ada@acme.test").await;
    let filler = disk.0.join("filler");
    let mut file = std::fs::File::create(&filler).expect("a file");
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}

    let mut kept = 0;
    let refused = loop {
        let answer = write(&ada, &format!("c{kept}")).await;
        if answer.status != 201 {
            break answer;
        }
        kept += 1;
        assert!(kept < WRITES_MAX, "the disk is never full");
    };
    assert!(matches!(refused.status, 503 | 507) && refused.headers.contains_key("retry-after"), "{}", refused.text);
    for _ in 0..5 {
        assert_eq!(ada.get("/v1/customers").await.status, 200, "reads go on");
        assert!(matches!(write(&ada, "never").await.status, 503 | 507));
    }
    drop(file);
    std::fs::remove_file(filler).expect("room again");
    let healed = until(HEALED_MAX, async || (write(&ada, "after").await.status == 201).then_some(())).await;
    assert!(healed.is_some(), "writes do not go on");
    server.stop().await;
}
