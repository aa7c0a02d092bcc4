//! Which passwords are taken: at sign-up, when changing one, and when resetting one.

use super::*;
use identity::passwords;

/// Three doors for a new password, each answering what it thinks of one.
struct Doors<'a> {
    app: &'a TestApp,
    nina: Client,
    reset: String,
}

impl<'a> Doors<'a> {
    async fn open(app: &'a TestApp) -> Self {
        let nina = newcomer(app, "nina@initech.test").await;
        app.nobody().post("/v1/auth/password/forgot", json!({"email": "nina@initech.test"})).await.ok();
        let reset = app.token_for("nina@initech.test", "/reset").await;
        Self { app, nina, reset }
    }

    /// What is said about the password at each door.
    async fn refusals(&self, password: &str) -> [String; 3] {
        let register = json!({"email": "nils@initech.test", "password": password, "full_name": "Nils", "org_name": "Initech"});
        let change = json!({"current_password": OTHER_PASSWORD, "new_password": password});
        let reset = json!({"token": self.reset, "password": password});
        let answers = [
            (self.app.nobody().post("/v1/auth/register", register).await, "password"),
            (self.nina.post("/v1/auth/password/change", change).await, "new_password"),
            (self.app.nobody().post("/v1/auth/password/reset", reset).await, "password"),
        ];
        answers.map(|(answer, field)| {
            answer.refused(422, "validation_failed");
            answer.field(field).to_owned()
        })
    }
}

testkit::stories! {
    async fn widely_used_passwords_are_refused_at_every_door(app: TestApp) {
        let doors = Doors::open(app).await;
        for listed in ["password1234", "1q2w3e4r5t6y", "qwertyuiop123", "PASSWORD1234", "123456789012"] {
            for said in doors.refusals(listed).await {
                assert!(!said.is_empty(), "{listed}");
            }
        }
    }

    async fn own_words_are_refused_at_every_door(app: TestApp) {
        let doors = Doors::open(app).await;
        for own in ["Initech-tractor-violet", "violet-autorisen-tractor", "AUTORISEN harbour kettle"] {
            for said in doors.refusals(own).await {
                assert!(said.contains("your organization"), "{own}: {said}");
            }
        }
    }

    async fn a_short_one_is_refused_at_every_door_and_the_length_is_told(app: TestApp) {
        for said in Doors::open(app).await.refusals("v1olet-trac").await {
            assert!(said.contains("at least 12 characters"), "{said}");
        }
    }

    async fn an_endless_one_is_refused_at_every_door_before_it_is_hashed(app: TestApp) {
        let doors = Doors::open(app).await;
        let before = passwords::hashes_computed(&app.core);
        let endless = "violet tractor ".repeat(69);
        assert!(endless.len() > 1024);
        let said = doors.refusals(&endless).await;
        assert!(said.iter().all(|said| said.contains("1024 bytes")), "{said:?}");
        // Changing looks at the current one first.
        assert!(passwords::hashes_computed(&app.core) - before <= 1);
        login(app, "nina@initech.test", &endless).await.refused(422, "validation_failed");
        assert!(passwords::hashes_computed(&app.core) - before <= 1);
    }

    async fn long_ones_and_sentences_in_any_script_are_taken_whole(app: TestApp) {
        let long = "violet tractor sings beneath ".repeat(9);
        let all = [&long[..64], &long[..256], "лиса прыгает через забор", "🦊🐢🚲🌋🎻🧊🪁🥨🛶🧲🪵🧶 and tea", "seven kettles under the harbour "];
        for (number, password) in all.into_iter().enumerate() {
            let email = format!("n{number}@initech.test");
            let body = json!({"email": email, "password": password, "full_name": "N", "org_name": "Hooli"});
            app.nobody().post("/v1/auth/register", body).await.expect(201);
            login(app, &email, password).await.ok();
        }
        app.expect_mail();
    }

    async fn every_letter_of_a_password_counts(app: TestApp) {
        let long = format!("{}a", "violet tractor sings ".repeat(5));
        let body = json!({"email": "nina@initech.test", "password": long, "full_name": "N", "org_name": "Hooli"});
        app.nobody().post("/v1/auth/register", body).await.expect(201);
        let beyond_72 = format!("{}b", &long[..long.len() - 1]);
        for other in [long.to_uppercase(), format!("{long} "), long[..72].to_owned(), beyond_72] {
            login(app, "nina@initech.test", &other).await.refused(401, "credentials_wrong");
        }
        login(app, "nina@initech.test", &long).await.ok();
        app.expect_mail();
    }
}
