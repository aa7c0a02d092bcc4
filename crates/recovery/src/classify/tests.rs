use proptest::prelude::*;

use super::*;

fn code(code: &str) -> RawDecline {
    RawDecline { decline_code: Some(code.into()), ..RawDecline::default() }
}

fn verdict(raw: &RawDecline) -> (Class, Hardness) {
    let decline = classify(raw);
    (decline.class, decline.hardness)
}

/// The column of decline codes of RECOVERY 3, written down a second time on purpose.
const EXPECTED: &[(Class, Hardness, &[&str])] = &[
    (Class::InsufficientFunds, Hardness::Soft, &["insufficient_funds"]),
    (Class::LimitVelocity, Hardness::Soft, &["card_velocity_exceeded", "withdrawal_count_limit_exceeded", "amount_too_large"]),
    (Class::IssuerUnavailable, Hardness::Soft, &["issuer_not_available", "processing_error", "reenter_transaction", "approve_with_id"]),
    (Class::GenericSoft, Hardness::Soft, &["generic_decline", "do_not_honor", "call_issuer", "no_action_taken", "try_again_later"]),
    (Class::GenericSoft, Hardness::Soft, &["card_declined", "service_not_allowed", "not_permitted"]),
    (Class::StaleCredentials, Hardness::NeedsData, &["expired_card", "invalid_expiry_month", "invalid_expiry_year", "incorrect_cvc"]),
    (Class::StaleCredentials, Hardness::NeedsData, &["invalid_cvc", "incorrect_zip", "new_account_information_available"]),
    (Class::WrongAccount, Hardness::Hard, &["incorrect_number", "invalid_number", "invalid_account", "testmode_decline"]),
    (Class::AuthRequired, Hardness::CustomerAction, &["authentication_required", "offline_pin_required", "online_or_offline_pin_required"]),
    (Class::LostStolen, Hardness::Hard, &["lost_card", "stolen_card", "pickup_card"]),
    (Class::Revoked, Hardness::Hard, &["revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order"]),
    (
        Class::FraudRisk,
        Hardness::Hard,
        &["fraudulent", "highest_risk_level", "merchant_blacklist", "security_violation", "restricted_card"],
    ),
    (Class::NotSupported, Hardness::Hard, &["transaction_not_allowed", "card_not_supported", "currency_not_supported", "invalid_amount"]),
    (Class::PinBlocked, Hardness::CustomerAction, &["pin_try_exceeded", "incorrect_pin", "invalid_pin"]),
    (Class::Duplicate, Hardness::Stop, &["duplicate_transaction"]),
    (Class::PspBlocked, Hardness::Hard, &["previously_declined_do_not_retry"]),
];

#[test]
fn every_documented_code_has_its_class() {
    for (class, hardness, codes) in EXPECTED {
        for text in *codes {
            assert_eq!(verdict(&code(text)), (*class, *hardness), "{text}");
        }
    }
}

#[test]
fn network_advice_overrides_a_soft_code() {
    for advice in ["03", "21"] {
        let raw = RawDecline { network_advice_code: Some(advice.into()), ..code("insufficient_funds") };
        let decline = classify(&raw);
        assert_eq!(decline.hardness, Hardness::Hard, "{advice}");
        assert_eq!(decline.earliest_retry_after_s, Some(30 * 24 * 3600));
    }
    let never = RawDecline { category: Some(1), advice_code: Some("try_again_later".into()), ..code("do_not_honor") };
    assert_eq!(verdict(&never), (Class::NetworkHard, Hardness::Hard));
}

#[test]
fn timed_advice_is_a_floor() {
    for (advice, hours) in [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)] {
        let decline = classify(&RawDecline { network_advice_code: Some(advice.into()), ..code("generic_decline") });
        assert_eq!((decline.class, decline.hardness), (Class::NetworkTimed, Hardness::Soft), "{advice}");
        assert_eq!(decline.earliest_retry_after_s, Some(hours * 3600), "{advice}");
    }
}

#[test]
fn a_code_that_reads_in_two_ways_takes_the_stricter() {
    let on = |network: Option<&str>, advice: &str| {
        verdict(&RawDecline { network: network.map(Into::into), network_advice_code: Some(advice.into()), ..RawDecline::default() })
    };
    assert_eq!(on(None, "01"), (Class::StaleCredentials, Hardness::NeedsData));
    assert_eq!(on(Some("visa"), "01"), (Class::NetworkHard, Hardness::Hard));
    assert_eq!(on(Some("Visa"), "1"), (Class::NetworkHard, Hardness::Hard));
    assert_eq!(on(Some("mastercard"), "1"), (Class::StaleCredentials, Hardness::NeedsData));
    assert_eq!(on(Some("mastercard"), "03"), (Class::NetworkHard, Hardness::Hard));
}

#[test]
fn a_visa_code_without_a_category_takes_the_stricter_one() {
    for response in ["04", "41", "43", "57", "R1", "R3", "14", "03", "62", "78", "93"] {
        let raw = RawDecline { network: Some("visa".into()), network_decline_code: Some(response.into()), ..code("generic_decline") };
        assert_eq!((classify(&raw).hardness, classify(&raw).category), (Hardness::Hard, Some(1)), "{response}");
        let named = RawDecline { category: Some(2), ..raw };
        assert_eq!(classify(&named).category, Some(2));
        assert_eq!(classify(&named).hardness, Hardness::Soft, "the provider's own category wins for {response}");
    }
}

#[test]
fn a_stolen_visa_card_is_called_stolen_and_never_tried() {
    let raw = RawDecline { network: Some("visa".into()), network_decline_code: Some("43".into()), ..code("stolen_card") };
    assert_eq!(verdict(&raw), (Class::LostStolen, Hardness::Hard));
    assert_eq!(
        verdict(&RawDecline { category: Some(1), ..raw }),
        (Class::NetworkHard, Hardness::Hard),
        "the network's own word comes first"
    );
}

#[test]
fn a_message_makes_it_stricter_but_never_softer() {
    let stolen = RawDecline { message: Some("The card was reported stolen.".into()), ..code("do_not_honor") };
    assert_eq!(verdict(&stolen), (Class::LostStolen, Hardness::Hard));
    let kind = RawDecline { message: Some("Insufficient funds, try again later".into()), ..code("lost_card") };
    assert_eq!(verdict(&kind), (Class::LostStolen, Hardness::Hard));
    let exact = RawDecline { message: Some("Your card has insufficient funds.".into()), ..code("card_declined") };
    assert_eq!(verdict(&exact), (Class::InsufficientFunds, Hardness::Soft));
}

#[test]
fn what_nobody_knows_is_soft_and_flagged() {
    for raw in [RawDecline::default(), code("stripe"), code("frobnicated")] {
        let decline = classify(&raw);
        assert_eq!((decline.class, decline.hardness, decline.confidence), (Class::Unknown, Hardness::Soft, Confidence::Low));
    }
    assert_eq!(verdict(&code("issuer_declined")).1, Hardness::Hard);
}

#[test]
fn spelling_does_not_matter() {
    assert_eq!(verdict(&code(" Stolen-Card ")), (Class::LostStolen, Hardness::Hard));
    assert_eq!(verdict(&code("51")).0, Class::InsufficientFunds);
}

#[test]
fn a_suspicion_of_fraud_sends_no_link_by_itself() {
    assert!(!classify(&code("fraudulent")).link_allowed);
    assert!(classify(&code("lost_card")).link_allowed);
}

fn any_raw() -> impl Strategy<Value = RawDecline> {
    let maybe = |words: &'static [&'static str]| proptest::option::of(proptest::sample::select(words).prop_map(str::to_owned));
    const CODES: &[&str] = &["insufficient_funds", "stolen_card", "expired_card", "generic_decline", "duplicate_transaction", "51", "x"];
    (
        maybe(&["visa", "mastercard", "amex"]),
        maybe(&["01", "02", "03", "21", "24", "30", "1", "4"]),
        maybe(&["04", "51", "57", "R1"]),
        proptest::option::of(1u8..=4),
        maybe(&["try_again_later", "do_not_try_again", "confirm_card_data"]),
        maybe(CODES),
        maybe(&["lost card", "insufficient funds", "hello"]),
    )
        .prop_map(|(network, network_advice_code, network_decline_code, category, advice_code, decline_code, message)| RawDecline {
            network,
            network_advice_code,
            network_decline_code,
            category,
            advice_code,
            decline_code,
            code: None,
            message,
        })
}

proptest! {
    #[test]
    fn a_further_source_never_softens(raw in any_raw()) {
        let all = classify(&raw);
        let without_message = classify(&RawDecline { message: None, ..raw.clone() });
        let without_code = classify(&RawDecline { decline_code: None, message: None, ..raw.clone() });
        let without_advice = classify(&RawDecline { advice_code: None, decline_code: None, message: None, ..raw });
        prop_assert!(all.hardness >= without_message.hardness);
        prop_assert!(without_message.hardness >= without_code.hardness);
        prop_assert!(without_code.hardness >= without_advice.hardness);
        prop_assert!(all.earliest_retry_after_s >= without_advice.earliest_retry_after_s);
    }

    #[test]
    fn any_text_is_classified_without_a_panic(text in ".{0,80}") {
        let raw = RawDecline { message: Some(text.clone()), network_advice_code: Some(text.clone()), ..code(&text) };
        prop_assert_eq!(classify(&raw), classify(&raw));
    }
}
