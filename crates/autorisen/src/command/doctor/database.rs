//! The database: reachable, of a version that we know, durable, with roles that are held by its
//! policies, a schema that fits, and a clock that agrees with ours.

use chrono::Duration;
use host::{Prepared, Problem};
use kernel::At;
use store::{Door, Facts, Role};

use super::finding::Finding;
use super::is_in_doubt;

const DATABASE: &str = "database";
const ROLES: &str = "roles";
const SCHEMA: &str = "schema";
const DURABLE: &str = "durability";
const CLOCK: &str = "clock";

/// The oldest major version of Postgres that its makers still mend.
const POSTGRES_LEAST: u32 = 14;
/// Connections that a Postgres keeps for its superuser.
const RESERVED: i64 = 3;
/// A difference that instants of different machines show without anybody noticing.
const SKEW_FEW: Duration = Duration::seconds(2);
/// With more, tokens are refused as not valid yet.
const SKEW_MOST: Duration = Duration::seconds(30);

pub(super) async fn look(prepared: &Prepared, problems: &[Problem]) -> Vec<Finding> {
    if is_in_doubt(problems, "database.") {
        return vec![Finding::skipped(DATABASE, "the settings of the database have to be mended first")];
    }
    let before = prepared.registry().clock().now();
    let facts = match store::inspect(prepared.location()).await {
        Ok(Some(facts)) => facts,
        Ok(None) => return vec![not_made(prepared)],
        Err(error) => {
            let finding = Finding::fault(DATABASE, error.to_string());
            return vec![match prepared.database_hint() {
                Some(hint) => finding.hint(hint),
                None => finding.hint("autorisen config explain database.url"),
            }];
        }
    };
    let now = prepared.registry().clock().now();
    let mut found = vec![version(&facts), schema(prepared, &facts)];
    if facts.is_server() {
        found.push(connections(prepared, &facts));
        found.extend(roles(prepared, &facts));
        found.extend(durability(prepared, &facts));
        found.extend(facts.now.map(|theirs| clock(theirs, before, now)));
    }
    found
}

fn not_made(prepared: &Prepared) -> Finding {
    if prepared.environment().is_dev() {
        return Finding::ok(DATABASE, "the first start makes the file");
    }
    Finding::fault(SCHEMA, "there is no database yet").hint("autorisen migrate up")
}

fn version(facts: &Facts) -> Finding {
    let version = &facts.version;
    if !facts.is_server() {
        return Finding::ok(DATABASE, format!("SQLite {version}"));
    }
    let major: u32 = version.split(['.', ' ']).next().and_then(|major| major.parse().ok()).unwrap_or_default();
    if major < POSTGRES_LEAST {
        return Finding::warning(DATABASE, format!("PostgreSQL {version} gets no mends any more"))
            .hint("upgrade to PostgreSQL 16 or newer");
    }
    Finding::ok(DATABASE, format!("PostgreSQL {version} answers"))
}

fn schema(prepared: &Prepared, facts: &Facts) -> Finding {
    let names = prepared.plan().names();
    let applied = facts.applied.as_deref().unwrap_or_default();
    let pending = names.iter().filter(|name| !applied.iter().any(|known| known == *name)).count();
    let unknown: Vec<_> = applied.iter().filter(|name| !names.contains(&name.as_str())).map(String::as_str).collect();
    if !unknown.is_empty() {
        let what = format!("the database knows migrations that this program does not: {}", unknown.join(", "));
        return Finding::fault(SCHEMA, what).hint("run the newer program, or take them back with the one that brought them");
    }
    match (pending, prepared.environment().is_dev()) {
        (0, _) => Finding::ok(SCHEMA, format!("all {} migrations are applied", names.len())),
        (_, true) => Finding::ok(SCHEMA, format!("{pending} migrations are pending; the next start applies them")),
        (_, false) => Finding::fault(SCHEMA, format!("{pending} migrations are pending")).hint("autorisen migrate up"),
    }
}

fn connections(prepared: &Prepared, facts: &Facts) -> Finding {
    let tenant = i64::from(prepared.settings().database.connections_max);
    // The pools of the three doors, as the store opens them.
    let wanted = tenant + (tenant + 1) / 2 + 2;
    let there = facts.connections_max - RESERVED;
    let what = format!("one process opens up to {wanted} connections; the server has {there}");
    if wanted <= there {
        return Finding::ok(DATABASE, what);
    }
    Finding::fault(DATABASE, what).hint(format!("database.connections_max: {}, or a higher max_connections", (there * 2 / 3 - 2).max(2)))
}

fn roles(prepared: &Prepared, facts: &Facts) -> Vec<Finding> {
    let is_real = !prepared.environment().is_dev();
    let mut found: Vec<_> = facts.doors.iter().map(door).collect();
    if facts.doors.len() < 3 {
        let what = "one login serves more than one door; whoever gets hold of it passes row-level security";
        let hint = "give database.owner_url, database.app_url and database.system_url logins of their own (deploy/production.example.yaml)";
        if is_real {
            found.push(Finding::serious_if(prepared.environment().is_production(), ROLES, what).hint(hint));
        } else {
            found.push(Finding::ok(ROLES, "the roles of the two doors are made and assumed by the program"));
        }
    }
    found
}

/// The owner may do everything, the other two must be held by the policies.
fn door(door: &Door) -> Finding {
    let key = door.key;
    match &door.role {
        Err(why) => Finding::fault(ROLES, format!("{key}: {why}")).hint(format!("autorisen config explain {key}")),
        Ok(role) if key == "database.owner_url" => Finding::ok(ROLES, format!("{key}: {}", role.name)),
        Ok(Role { name, passes_policies: true, .. }) => {
            Finding::fault(ROLES, format!("{key}: {name} is a superuser or has BYPASSRLS, and passes row-level security"))
                .hint(format!("ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS;"))
        }
        Ok(Role { name, tables_owned: 1.., .. }) => {
            Finding::fault(ROLES, format!("{key}: {name} owns tables, and may switch their policies off"))
                .hint(format!("let only the owner run migrations; REASSIGN OWNED BY {name} TO the owner;"))
        }
        Ok(role) => Finding::ok(ROLES, format!("{key}: {}, held by row-level security", role.name)),
    }
}

fn durability(prepared: &Prepared, facts: &Facts) -> Vec<Finding> {
    let weak: Vec<_> = facts.durability.iter().filter(|(_, value)| value == "off").collect();
    if weak.is_empty() {
        return vec![Finding::ok(DURABLE, "what is committed survives a loss of power")];
    }
    let told = |(name, _): &(&str, String)| {
        let what = format!("{name} is off: what was acknowledged can be lost with the power");
        Finding::serious_if(!prepared.environment().is_dev(), DURABLE, what)
            .hint(format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"))
    };
    weak.into_iter().map(told).collect()
}

/// The database's clock between two looks at ours.
fn clock(theirs: At, before: At, after: At) -> Finding {
    let apart = if theirs < before { before - theirs } else { (theirs - after).max(Duration::zero()) };
    let what = format!("the database's clock and ours are {} ms apart", apart.num_milliseconds());
    let hint = "timedatectl set-ntp true, on both machines";
    if apart > SKEW_MOST {
        Finding::fault(CLOCK, what).hint(hint)
    } else if apart > SKEW_FEW {
        Finding::warning(CLOCK, what).hint(hint)
    } else {
        Finding::ok(CLOCK, what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    fn at(text: &str) -> At {
        text.parse().expect("a valid instant")
    }

    #[test]
    fn clocks_may_be_a_little_apart() {
        let (before, after) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T12:00:01Z"));
        let of = |theirs: &str| clock(at(theirs), before, after).state;
        assert_eq!(of("2026-03-01T12:00:00.5Z"), State::Ok);
        assert_eq!(of("2026-03-01T12:00:02Z"), State::Ok);
        assert_eq!(of("2026-03-01T12:00:05Z"), State::Warning);
        assert_eq!(of("2026-03-01T11:59:00Z"), State::Fault);
    }

    #[test]
    fn a_role_that_passes_the_policies_is_a_fault_with_its_mend() {
        let of = |key, passes_policies, tables_owned| {
            door(&Door { key, role: Ok(Role { name: "shop".to_owned(), passes_policies, tables_owned }) })
        };
        assert_eq!(of("database.owner_url", true, 9).state, State::Ok);
        assert_eq!(of("database.app_url", false, 0).state, State::Ok);
        assert_eq!(of("database.app_url", false, 1).state, State::Fault);
        let passing = of("database.system_url", true, 0);
        assert_eq!((passing.state, passing.hint.as_deref()), (State::Fault, Some("ALTER ROLE shop NOSUPERUSER NOBYPASSRLS;")));
    }
}
