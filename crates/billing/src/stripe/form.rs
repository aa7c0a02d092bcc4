//! Request bodies as Stripe reads them: `application/x-www-form-urlencoded` with brackets for depth.

use url::form_urlencoded::Serializer;

use crate::provider::Tags;

/// The fields of one request, in the order in which they were set.
#[derive(Debug, Default, Clone)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// Leaves the field out when there is no value.
    #[must_use]
    pub fn set_if(self, name: &str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// `prefix[key]=value` for each tag.
    #[must_use]
    pub fn tags(self, prefix: &str, tags: &Tags) -> Self {
        tags.iter().fold(self, |fields, (key, value)| fields.set(format!("{prefix}[{key}]"), value))
    }

    pub fn encode(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_written_in_brackets() {
        let tags = Tags::from([("autorisen_link".to_owned(), "lnk_1".to_owned())]);
        let encoded = Fields::new().set("amount", 1250).set_if("customer", None).tags("metadata", &tags).encode();
        assert_eq!(encoded, "amount=1250&metadata%5Bautorisen_link%5D=lnk_1");
    }
}
