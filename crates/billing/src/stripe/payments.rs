//! The payments of an invoice. Since 2025-03-31 it may have several, each with an amount of its own,
//! so the invoice's total says nothing of any one of them.

use serde_json::Value;

use super::document::{id, money, text};
use crate::provider::{Payment, Refs};

/// The rows of an `invoice_payments` list.
pub fn rows(list: &Value) -> &[Value] {
    list.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether money moved with this row: an invoice that was marked as paid has no such one, and its
/// declined intent moved nothing.
fn is_paid(row: &&Value) -> bool {
    text(row, "/status").as_deref() == Some("paid") || text(row, "/payment/payment_intent/status").as_deref() == Some("succeeded")
}

/// What each paid row moved. `total` is the invoice's own amount: it stands for the payment only
/// where there is a single one that does not say its amount.
pub fn paid(rows: &[Value], total: Option<kernel::Money>) -> Vec<Payment> {
    let paid: Vec<&Value> = rows.iter().filter(is_paid).collect();
    let total = total.filter(|_| paid.len() == 1);
    paid.into_iter().map(|row| payment(row, total)).collect()
}

fn payment(row: &Value, total: Option<kernel::Money>) -> Payment {
    let intent = row.pointer("/payment/payment_intent").unwrap_or(&Value::Null);
    let refs = Refs {
        invoice: id(row, "/invoice"),
        intent: id(row, "/payment/payment_intent"),
        charge: id(row, "/payment/charge").or_else(|| id(intent, "/latest_charge")),
        session: None,
    };
    let told = |of: &Value, field: &str| money(of, field).filter(|amount| amount.minor > 0);
    Payment { refs, money: told(row, "/amount_paid").or_else(|| told(intent, "/amount_received")).or(total) }
}
