//! From a token to its link.

use host::Core;
use kernel::{Failure, OrgId, Secret, chance};
use store::StoreError;

use super::link::Model;
use super::store as rows;

/// Our tokens have 43 characters; whatever is longer is none.
const TOKEN_LEN_MAX: usize = 128;

/// A link and whose it is.
#[derive(Debug, Clone)]
pub struct Found {
    pub org: OrgId,
    pub link: Model,
}

/// The link of a token. The digest is compared by the index, so the time tells nothing of the token.
pub async fn by_token(core: &Core, token: &str) -> Result<Option<Found>, StoreError> {
    if token.is_empty() || token.len() > TOKEN_LEN_MAX {
        return Ok(None);
    }
    let mut system = core.store.system_read("whose payment link this is").await?;
    let link = rows::by_hash(&mut system, &chance::digest(token)).await?;
    Ok(link.map(|link| Found { org: link.org_id.into(), link }))
}

/// The address that a payer gets.
pub fn address(core: &Core, token: &Secret) -> String {
    format!("{}/pay/{}", core.public_url, token.expose())
}

/// An answer that the store gave, as a failure of a page.
pub(super) fn unknown() -> Failure {
    Failure::new(super::LinkFault::Unknown)
}
