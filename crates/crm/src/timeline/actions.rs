//! The verbs.

use kernel::{After, CustomerId, Limit, Page};
use store::{StoreError, Tx};

use super::TEXT_LEN_MAX;
use super::entry::{Entry, Model};
use super::store as rows;

/// Notes something about a customer, in the name of whoever acts in this transaction.
pub async fn note(tx: &mut Tx, customer: CustomerId, entry: Entry) -> Result<(), StoreError> {
    rows::insert(tx, customer, Entry { text: cut(entry.text), ..entry }).await
}

/// A page of a customer's timeline, newest first. Empty for a customer who is not there.
pub async fn list(tx: &mut Tx, customer: CustomerId, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    rows::page(tx, customer, limit, after).await
}

/// A text that is too long ends in an ellipsis.
fn cut(text: String) -> String {
    if text.chars().count() <= TEXT_LEN_MAX {
        return text;
    }
    text.chars().take(TEXT_LEN_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(cut("short".into()), "short");
        let long = cut("é".repeat(TEXT_LEN_MAX + 5));
        assert_eq!(long.chars().count(), TEXT_LEN_MAX);
        assert!(long.ends_with('…'));
    }
}
