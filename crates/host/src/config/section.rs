//! Sections: the settings of one room, each with its default and a sentence of documentation.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Config, secrets};

/// One documented setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `server.port`
    pub path: String,
    pub doc: String,
    /// As it would be written in the file.
    pub default: String,
    pub secret: bool,
    /// Variables of the environment that set it; the first that is set wins.
    pub env: &'static [&'static str],
}

impl Key {
    /// For a section that is written by hand, because its keys come from a table.
    pub fn new<T: Serialize>(path: &str, doc: &str, default: &T, env: &'static [&'static str]) -> Self {
        let default = match serde_json::to_value(default).expect("a default is plain data") {
            serde_json::Value::Null => "unset".to_owned(),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        // Both the contract's endings and the type say so: an address may hold a password too.
        let secret = std::any::type_name::<T>().contains("SecretRef") || secrets::is_secret_key(path);
        Self { path: path.to_owned(), doc: doc.trim().to_owned(), default, secret, env }
    }
}

/// A section of the settings; declared with [`section!`](crate::section).
pub trait Section: Default {
    /// The heading in the file.
    const NAME: &'static str;
    /// What it is about, for the documentation.
    const ABOUT: &'static str;
    /// Every setting in it.
    fn keys() -> Vec<Key>;
    /// Reads the values in force.
    fn read(values: &mut Values<'_>) -> Self;
}

/// Hands a section its values, and notes what is wrong with them.
pub struct Values<'a> {
    pub(super) config: &'a mut Config,
    pub(super) section: &'static str,
}

impl Values<'_> {
    /// The value in force, or the default when nobody set it or it is wrong.
    pub fn read<T: DeserializeOwned>(&mut self, field: &str, default: T) -> T {
        self.config.value(&format!("{}.{field}", self.section)).unwrap_or(default)
    }
}

/// Declares a section: a struct with its defaults, its documentation and its reading.
///
/// ```
/// host::section! {
///     /// Where books are kept.
///     pub struct ShelfConfig("shelf") {
///         /// How many books fit on one shelf.
///         books_max: u32 = 40,
///         /// The catalogue's address.
///         #[env("CATALOGUE_URL")]
///         catalogue_url: Option<String> = None,
///     }
/// }
/// # assert_eq!(ShelfConfig::default().books_max, 40);
/// ```
///
/// Types are anything that serde reads and writes; a secret is `Option<SecretRef>`.
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident($section:literal) {
            $(
                $(#[doc = $doc:literal])*
                $(#[env($($env:literal),+ $(,)?)])?
                $field_vis:vis $field:ident : $ty:ty = $default:expr
            ),* $(,)?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])* pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::Section for $name {
            const NAME: &'static str = $section;
            const ABOUT: &'static str = concat!($($about),*);

            fn keys() -> Vec<$crate::Key> {
                let defaults = Self::default();
                vec![$($crate::Key::new(
                    concat!($section, ".", stringify!($field)),
                    concat!($($doc),*),
                    &defaults.$field,
                    &[$($($env),+)?],
                )),*]
            }

            fn read(values: &mut $crate::config::Values<'_>) -> Self {
                let defaults = Self::default();
                Self { $($field: values.read(stringify!($field), defaults.$field),)* }
            }
        }
    };
}
