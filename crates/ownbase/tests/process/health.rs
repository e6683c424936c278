//! What the admin listener tells of the server.

use crate::client::{Answer, request};
use crate::site::{MANIFEST, PATIENCE, Server, Site};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn admin(server: &Server) -> SocketAddr {
    let url = server.announced.iter().find_map(|line| line.strip_prefix("Health: http://")).unwrap();
    url.strip_suffix("/health").unwrap().parse().unwrap()
}

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn health_is_on_a_listener_of_its_own() {
    let site = Site::new(MANIFEST);
    let server = site.up(&["--admin-listen", "127.0.0.1:0", "--threads", "3"]);
    let address = admin(&server);
    let answer = request(address, "GET", "/health");
    assert!(answer.status == 200 && answer.body.starts_with("{\"status\":\"ok\""), "{answer:?}");
    let health = json(&answer);
    assert_eq!(health["serving_threads"], serde_json::json!({ "alive": 3, "of": 3 }));
    assert_eq!((&health["quarantined_users"], &health["failing_users"]), (&0.into(), &0.into()));
    assert_eq!(health["disk"]["writable"], true);
    assert!(health["disk"]["free_bytes"].as_u64().unwrap() > 0);
    assert_eq!(request(address, "GET", "/x").problem()["status"], 404);
    assert_eq!(request(server.address, "GET", "/health").body, "/health");
}

#[test]
fn a_disk_that_takes_nothing_is_told_with_503() {
    let site = Site::new(MANIFEST);
    let server = site.up(&["--admin-listen", "127.0.0.1:0", "--state-dir", "state"]);
    let (state_dir, away) = (site.folder().join("state"), site.folder().join("away"));
    let wait_for = |status: u16| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = request(admin(&server), "GET", "/health");
            if answer.status == status {
                return json(&answer);
            }
            assert!(Instant::now() < deadline, "{answer:?}");
            // A report is good for a second.
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for(200);
    std::fs::rename(&state_dir, &away).unwrap();
    let health = wait_for(503);
    assert_eq!((&health["status"], &health["disk"]["writable"]), (&"failing".into(), &false.into()));
    server.log_line(|line| line.contains("ERROR") && line.contains("state cannot be written: No such file"));
    std::fs::rename(&away, &state_dir).unwrap();
    assert_eq!(wait_for(200)["status"], "ok");
    assert!(!state_dir.join("health-probe").exists());
}
