//! Entities whose rows belong to an organization.

use crate::Readable;

/// An entity that the tenant door may touch. Implemented by [`org_scoped!`](crate::org_scoped).
pub trait OrgScoped: Readable {
    const ID: Self::Column;
    const ORG: Self::Column;
    const CREATED_AT: Self::Column;
    /// Missing in append-only tables.
    const UPDATED_AT: Option<Self::Column>;
    /// Missing in append-only tables.
    const VERSION: Option<Self::Column>;
}

/// Opens entities to the tenant door: `org_scoped!(customer, note)` for modules whose `Model` has
/// `id, org_id, created_at, updated_at, version`; `org_scoped!(append_only line)` for those with
/// `id, org_id, created_at` alone.
#[macro_export]
macro_rules! org_scoped {
    (append_only $($module:ident),+ $(,)?) => {
        $($crate::org_scoped!(@one $module, None, None);)+
    };
    ($($module:ident),+ $(,)?) => {
        $($crate::org_scoped!(@one $module, Some($module::Column::UpdatedAt), Some($module::Column::Version));)+
    };
    (@one $module:ident, $updated:expr, $version:expr) => {
        impl $crate::OrgScoped for $module::Entity {
            const ID: $module::Column = $module::Column::Id;
            const ORG: $module::Column = $module::Column::OrgId;
            const CREATED_AT: $module::Column = $module::Column::CreatedAt;
            const UPDATED_AT: Option<$module::Column> = $updated;
            const VERSION: Option<$module::Column> = $version;
        }
    };
}
