//! The HTTP face.

use host::{Core, Registry};
use kernel::{Check, Failure};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::answer::NoFault;
use web::{Answer, Ctx, Json, Routes as _};

use super::{Decline, RawDecline, classify};
use crate::permissions::CASES_READ;

/// The longest code that any provider sends is below 60 characters.
const CODE_CHARS_MAX: usize = 100;
/// A sentence for people; the providers' own are below 300 characters.
const MESSAGE_CHARS_MAX: usize = 1000;

pub(crate) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(classify_decline)));
}

/// A decline as a provider reported it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClassifyRequest {
    /// The decline code, such as `insufficient_funds`.
    #[serde(alias = "decline_code")]
    failure_code: Option<String>,
    /// The error code around it, such as `card_declined`.
    code: Option<String>,
    #[serde(alias = "message")]
    failure_message: Option<String>,
    /// Mastercard merchant advice code, or Visa category.
    network_advice_code: Option<String>,
    /// The network's response code.
    network_decline_code: Option<String>,
    /// The provider's advice, such as `do_not_try_again`.
    advice_code: Option<String>,
    /// The Visa category, 1 to 4.
    #[schema(minimum = 1, maximum = 4)]
    category: Option<u8>,
    /// `visa`, `mastercard`, …
    network: Option<String>,
    /// Where it came from; it decides nothing.
    gateway: Option<String>,
}

impl ClassifyRequest {
    fn read(self) -> Result<RawDecline, Failure> {
        let mut check = Check::new();
        let codes = [
            ("failure_code", &self.failure_code),
            ("code", &self.code),
            ("network_advice_code", &self.network_advice_code),
            ("network_decline_code", &self.network_decline_code),
            ("advice_code", &self.advice_code),
            ("network", &self.network),
            ("gateway", &self.gateway),
        ];
        for (field, code) in codes {
            check.text_if(field, code.as_deref(), 0..=CODE_CHARS_MAX);
        }
        let length = self.failure_message.as_deref().map_or(0, |message| message.chars().count());
        check.that(length <= MESSAGE_CHARS_MAX, "failure_message", format!("must have at most {MESSAGE_CHARS_MAX} characters"));
        check.that(self.category.is_none_or(|category| (1..=4).contains(&category)), "category", "must be from 1 to 4");
        check.done()?;
        Ok(RawDecline {
            network: self.network,
            network_advice_code: self.network_advice_code,
            network_decline_code: self.network_decline_code,
            category: self.category,
            advice_code: self.advice_code,
            decline_code: self.failure_code,
            code: self.code,
            message: self.failure_message,
        })
    }
}

/// Classify a decline
///
/// Says what may be done about it, by the same table that the recovery uses. Nothing is stored.
#[utoipa::path(post, path = "/classify", tag = "cases", operation_id = "classify_decline", extensions(("x-permission" = json!("cases:read"))))]
async fn classify_decline(ctx: Ctx, Json(request): Json<ClassifyRequest>) -> Answer<Decline, NoFault> {
    let tx = ctx.begin(CASES_READ).await?;
    let decline = classify(&request.read()?);
    Ok(tx.answer(decline).await?)
}
