//! A corpus of tokens that must not open anything. Each is made by hand, because no library would
//! help to make most of them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Duration;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::{AccountId, At, OrgId, SessionId};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const SEED: [u8; 32] = [7; 32];
const ISSUER: &str = "https://app.example";

fn noon() -> At {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn signer() -> Signer {
    Signer::new(&SEED, ISSUER.into()).unwrap()
}

fn grant() -> Grant {
    Grant { account: AccountId::new(noon()), org: Some(OrgId::new(noon())), role: Some("admin".into()), session: SessionId::new(noon()) }
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": signer().kid() })
}

fn claims() -> Value {
    let (account, now) = (AccountId::new(noon()), noon().timestamp());
    json!({
        "iss": ISSUER, "aud": "autorisen:api", "sub": account, "user_id": account, "org_id": OrgId::new(noon()), "role": "admin",
        "sid": SessionId::new(noon()), "iat": now, "nbf": now, "exp": now + 600, "jti": "one",
    })
}

fn with(mut value: Value, key: &str, to: Value) -> Value {
    value[key] = to;
    value
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key);
    value
}

fn body(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims))
}

/// Signed with the true key, whatever header and claims say.
fn signed_text(header: &str, claims: &str) -> String {
    let body = body(header, claims);
    let signature = SigningKey::from_bytes(&SEED).sign(body.as_bytes());
    format!("{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn signed(header: Value, claims: Value) -> String {
    signed_text(&header.to_string(), &claims.to_string())
}

fn hs256(key: &[u8], header: Value) -> String {
    let body = body(&with(header, "alg", json!("HS256")).to_string(), &claims().to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(body.as_bytes());
    format!("{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn opens(token: &str) -> bool {
    signer().verify(token, noon()).is_ok()
}

#[test]
fn the_corpus_itself_is_sound_but_for_its_one_flaw() {
    assert!(opens(&signed(header(), claims())));
}

#[test]
fn a_minted_token_holds_until_its_end_by_our_clock_and_no_longer() {
    let token = signer().mint(&grant(), noon(), Duration::minutes(10)).unwrap();
    let holds = |after: Duration| signer().verify(token.expose(), noon() + after).is_ok();
    assert!(holds(Duration::zero()) && holds(Duration::seconds(599)));
    assert!(!holds(Duration::seconds(600)) && !holds(-Duration::minutes(1)));
}

#[test]
fn no_config_makes_a_token_live_longer_than_fifteen_minutes() {
    let token = signer().mint(&grant(), noon(), Duration::days(30)).unwrap();
    assert!(signer().verify(token.expose(), noon() + Duration::minutes(15)).is_err());
}

#[test]
fn unsigned_tokens_open_nothing() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let plain = body(&with(header(), "alg", json!(alg)).to_string(), &claims().to_string());
        for token in [format!("{plain}."), plain.clone(), format!("{plain}.e30"), signed(with(header(), "alg", json!(alg)), claims())] {
            assert!(!opens(&token), "{alg} {token}");
        }
    }
    assert!(!opens(&format!("{}.", body(&header().to_string(), &claims().to_string()))), "EdDSA with an empty signature");
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let raw = BASE64_URL_SAFE_NO_PAD.decode(signer().public()).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", signer().public());
    for key in [raw.as_slice(), signer().public().as_bytes(), pem.as_bytes(), signer().kid().as_bytes(), b""] {
        assert!(!opens(&hs256(key, header())));
    }
}

#[test]
fn other_algorithms_are_refused_even_over_a_true_signature() {
    for alg in ["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "Ed25519", "eddsa", "EDDSA"] {
        assert!(!opens(&signed(with(header(), "alg", json!(alg)), claims())), "{alg}");
    }
    let zeroes = format!(
        "{}.{}",
        body(&with(header(), "alg", json!("ES256")).to_string(), &claims().to_string()),
        BASE64_URL_SAFE_NO_PAD.encode([0; 64])
    );
    assert!(!opens(&zeroes), "r = s = 0");
}

#[test]
fn times_must_be_whole_numbers_in_range() {
    let now = noon().timestamp();
    let far = now + 600;
    let exps = [
        json!(far.to_string()),
        json!(far as f64 + 0.5),
        json!(far as f64),
        json!("9999999999"),
        json!(-1),
        json!(0),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1u64 << 63),
        json!(i64::MAX),
        json!(1e300),
        json!(null),
        json!([far]),
        json!({ "at": far }),
        json!(true),
        json!(now),
        json!(now + 16 * 60),
    ];
    for exp in exps {
        assert!(!opens(&signed(header(), with(claims(), "exp", exp.clone()))), "exp {exp}");
    }
    for nbf in [json!(now + 3600), json!((now - 5).to_string()), json!(i64::MAX), json!(null)] {
        assert!(!opens(&signed(header(), with(claims(), "nbf", nbf.clone()))), "nbf {nbf}");
    }
    assert!(!opens(&signed(header(), with(claims(), "iat", json!(now + 60)))));
    assert!(!opens(&signed(header(), with(claims(), "iat", json!(i64::MIN)))), "a subtraction that overflows");
}

#[test]
fn every_claim_is_required() {
    for claim in ["iss", "aud", "sub", "user_id", "sid", "iat", "nbf", "exp", "jti"] {
        assert!(!opens(&signed(header(), without(claims(), claim))), "{claim}");
    }
}

#[test]
fn tokens_for_another_purpose_or_place_are_refused() {
    for typ in [json!("JWT"), json!("rt+jwt"), json!("logout+jwt"), json!("id_token"), json!(""), json!(null), json!(["at+jwt"])] {
        assert!(!opens(&signed(with(header(), "typ", typ.clone()), claims())), "typ {typ}");
    }
    for aud in [json!("other"), json!(["autorisen:api", "other"]), json!(""), json!(null)] {
        assert!(!opens(&signed(header(), with(claims(), "aud", aud.clone()))), "aud {aud}");
    }
    for iss in [json!("https://evil.example"), json!([ISSUER]), json!(format!("{ISSUER}/"))] {
        assert!(!opens(&signed(header(), with(claims(), "iss", iss.clone()))), "iss {iss}");
    }
    assert!(!opens(&signed(header(), with(claims(), "sub", json!(AccountId::new(noon()))))), "two different people");
    assert!(!opens(&signed(header(), with(claims(), "user_id", json!("org_01jd3v0000000000000000000a")))), "an id of another kind");
}

#[test]
fn keys_that_a_token_brings_along_are_not_used() {
    let mallory = SigningKey::from_bytes(&[9; 32]);
    let x = BASE64_URL_SAFE_NO_PAD.encode(mallory.verifying_key().as_bytes());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": signer().kid() });
    for extra in
        [("jwk", jwk), ("jku", json!("https://evil.example/keys")), ("x5u", json!("https://evil.example/cert")), ("x5c", json!(["AAAA"]))]
    {
        let body = body(&with(header(), extra.0, extra.1).to_string(), &claims().to_string());
        let token = format!("{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(mallory.sign(body.as_bytes()).to_bytes()));
        assert!(!opens(&token), "{}", extra.0);
    }
    for kid in [json!("../../dev/null"), json!("' OR 1=1 --"), json!(""), json!(null)] {
        assert!(!opens(&signed(with(header(), "kid", kid.clone()), claims())), "kid {kid}");
    }
    assert!(!opens(&signed(with(header(), "crit", json!(["exp"])), claims())), "a critical extension that we don't know");
}

#[test]
fn one_changed_letter_anywhere_is_noticed() {
    let token = signer().mint(&grant(), noon(), Duration::minutes(10)).unwrap();
    let token = token.expose();
    for at in 0..token.len() {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(!opens(std::str::from_utf8(&bytes).unwrap()), "letter {at}");
    }
    for shape in [format!("{token}A"), format!("{token}="), format!("{token}."), format!(" {token}"), token[..token.len() - 1].to_owned()] {
        assert!(!opens(&shape), "{shape}");
    }
}

#[test]
fn broken_documents_are_refused() {
    let (header, claims) = (header().to_string(), claims().to_string());
    let twice = claims.replacen('{', r#"{"exp":1,"#, 1);
    for token in [
        signed_text(&header, &twice),
        signed_text(&header, "[]"),
        signed_text(&header, "null"),
        signed_text("{}", &claims),
        signed_text("", ""),
        signed_text(&header, &claims[..claims.len() - 1]),
        String::new(),
        "..".into(),
        "a.b.c".into(),
        "A".repeat(100_000),
    ] {
        assert!(!opens(&token), "{token}");
    }
}

#[test]
fn the_key_set_names_the_key_that_signs_and_shows_no_private_part() {
    let set = signer().key_set(noon());
    assert_eq!(set["keys"][0]["kid"], signer().kid());
    assert_eq!(set["keys"][0]["x"], signer().public());
    assert!(set["keys"][0].get("d").is_none());
}

#[test]
fn a_previous_key_is_believed_until_its_end_and_never_signs() {
    let until = noon() + Duration::minutes(5);
    let new = || Signer::new(&[8; 32], ISSUER.into()).unwrap();
    let rotated = new().believing(&SEED, until).unwrap();
    let old = signer().mint(&grant(), noon(), Duration::minutes(10)).unwrap();
    assert!(rotated.verify(old.expose(), noon()).is_ok());
    assert!(rotated.verify(old.expose(), until - Duration::seconds(1)).is_ok());
    assert!(matches!(rotated.verify(old.expose(), until), Err(Refused::Header)), "dead after its window");
    assert!(matches!(new().verify(old.expose(), noon()), Err(Refused::Header)), "unknown without the setting");
    let fresh = rotated.mint(&grant(), noon(), Duration::minutes(10)).unwrap();
    assert!(new().verify(fresh.expose(), noon()).is_ok());
    let names = |at: At| rotated.key_set(at)["keys"].as_array().map(Vec::len);
    assert_eq!((names(noon()), names(until)), (Some(2), Some(1)));
}

#[test]
fn a_token_of_one_key_under_the_name_of_the_other_opens_nothing() {
    let rotated = Signer::new(&[8; 32], ISSUER.into()).unwrap().believing(&SEED, noon() + Duration::minutes(5)).unwrap();
    let disguised = signed(with(header(), "kid", json!(rotated.kid())), claims());
    assert!(rotated.verify(&disguised, noon()).is_err());
    assert!(rotated.verify(&signed(header(), claims()), noon()).is_ok());
}
