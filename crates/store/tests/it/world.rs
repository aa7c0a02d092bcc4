//! Two companies with a customer each, on either engine.

use chrono::Duration;
use kernel::{Actor, Clock, OrgId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::ForeignKeyAction;
use sqlx::{Connection as _, PgConnection};
use store::columns::{big_integer, boolean, text, timestamp_with_time_zone_null, uuid};
use store::{Engine, Guards, Location, MasterKey, Plan, Step, Store, StoreOptions, TableParts as _, Tx};
use uuid::Uuid;

pub const ACME: OrgId = OrgId(Uuid::from_u128(0xacce));
pub const GLOBEX: OrgId = OrgId(Uuid::from_u128(0x610b));

pub mod customer {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
        pub name: String,
        pub quantity: i64,
        pub seen_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod note {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
        pub customer_id: Uuid,
        pub state: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod membership {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "memberships")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
        pub is_active: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod account {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
        pub email: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

store::org_scoped!(customer, note, membership);

pub fn steps() -> Vec<Step> {
    let mut steps = store::steps();
    steps.push(Step {
        name: "20261120_06_test_members",
        up: |s| {
            s.tenant_table("memberships", |t| {
                t.col(boolean("is_active"));
            });
            s.platform_table("accounts", |t| {
                t.col(text("email"));
            });
            s.unique("accounts", &["email"]);
        },
        down: |s| {
            s.drop("accounts");
            s.drop("memberships");
        },
    });
    steps.push(Step {
        name: "20261120_08_test_customers",
        up: |s| {
            s.tenant_table("customers", |t| {
                t.col(text("name")).col(big_integer("quantity")).col(timestamp_with_time_zone_null("seen_at"));
            });
            s.unique("customers", &["org_id", "name"]);
            s.tenant_table("notes", |t| {
                t.col(uuid("customer_id"))
                    .col(text("state"))
                    .references("customer_id", "customers", ForeignKeyAction::Cascade)
                    .one_of("state", &["open", "closed"]);
            });
            s.index("notes", &["org_id", "customer_id"]);
        },
        down: |s| {
            s.drop("notes");
            s.drop("customers");
        },
    });
    steps
}

/// A migrated store with `ann` in acme and `bob` in globex.
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub place: Place,
    pub ann: customer::Model,
    pub bob: customer::Model,
}

/// Where a test's database is; a folder goes away with it.
pub struct Place {
    pub location: Location,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    /// `None` when there is no server on this machine; the first time says so.
    pub async fn new(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                Some(Self { location: Location::Sqlite(folder.path().join("store.db")), _folder: Some(folder) })
            }
            Engine::Postgres => {
                let owner = testkit::postgres()?.database().await.unwrap();
                Some(Self { location: Location::Postgres { owner, app: None, system: None }, _folder: None })
            }
        }
    }

    /// Waits until the server has seen our connections end.
    async fn is_idle(&self) {
        let Location::Postgres { owner, .. } = &self.location else { return };
        let mut connection = PgConnection::connect(owner).await.unwrap();
        let ours = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'autorisen'";
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while sqlx::query_scalar::<_, i64>(ours).fetch_one(&mut connection).await.unwrap() > 0 {
            assert!(std::time::Instant::now() < end, "a connection stays");
            tokio::task::yield_now().await;
        }
    }

    pub async fn open(&self, clock: &Clock, guards: Guards) -> Store {
        let options =
            StoreOptions { location: self.location.clone(), connections_max: 4, durable: false, strict: false, guards, valkey: None };
        Store::open(options, clock.clone(), MasterKey::from_bytes([7; 32])).await.unwrap()
    }
}

impl World {
    pub async fn new(engine: Engine) -> Option<Self> {
        Self::with(engine, Guards::default()).await
    }

    pub async fn with(engine: Engine, guards: Guards) -> Option<Self> {
        let place = Place::new(engine).await?;
        let clock = Clock::standing("2026-03-01T12:00:00Z".parse().unwrap());
        let store = place.open(&clock, guards).await;
        Plan::new(steps()).up(&store).await.unwrap();
        let ann = seed(&store, ACME, "ann").await;
        let bob = seed(&store, GLOBEX, "bob").await;
        Some(Self { store, clock, place, ann, bob })
    }

    /// The place and the clock, once nobody has the database open any more.
    pub async fn closed(self) -> (Place, Clock) {
        let Self { store, clock, place, .. } = self;
        store.close().await;
        drop(store);
        place.is_idle().await;
        (place, clock)
    }

    /// A transaction for writing.
    pub async fn tx(&self, org: OrgId) -> Tx {
        Tx::for_org(&self.store, org, Actor::System("test")).await.unwrap()
    }
}

async fn seed(store: &Store, org: OrgId, name: &str) -> customer::Model {
    let mut tx = Tx::for_org(store, org, Actor::System("test")).await.unwrap();
    let row = tx.insert(new_customer(name)).await.unwrap();
    tx.commit().await.unwrap();
    row
}

pub fn new_customer(name: &str) -> customer::ActiveModel {
    customer::ActiveModel { name: Set(name.to_owned()), quantity: Set(3), seen_at: Set(None), ..Default::default() }
}

pub fn in_an_hour(clock: &Clock) -> kernel::At {
    clock.now() + Duration::hours(1)
}

/// Writes one story as two tests, one for each engine. The story gets a [`World`].
macro_rules! story {
    ($name:ident, $world:ident, $body:block) => {
        async fn $name($world: $crate::world::World) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name($crate::world::World::new(store::Engine::Sqlite).await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(world) = $crate::world::World::new(store::Engine::Postgres).await {
                    super::$name(world).await;
                }
            }
        }
    };
}
pub(crate) use story;
