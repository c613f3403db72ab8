//! [`Sessions`]: who has signed in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mqtt_connector::{Response, Tenant, Tenants, Token, TokenDigest};

use super::super::problem::Problem;

/// How long a session lasts.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// How long a session lasts in which nobody asks for anything.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// How many sessions a tenant has at one time. One more ends the one that has been idle for longest.
const OF_TENANT: usize = 64;

/// Of how many forms a session knows what became of them.
const FORMS: usize = 64;

/// Who has signed in. It is held in the process: when that ends, everybody signs in again.
#[derive(Default)]
pub(super) struct Sessions {
    /// By the digest of its identifier, so that nothing can be learnt from how long a look-up takes.
    by_id: Mutex<HashMap<TokenDigest, Session>>,
}

struct Session {
    tenant: Arc<str>,
    token: TokenDigest,
    csrf: Arc<str>,
    began: Instant,
    asked: Instant,
    /// The newest is the last.
    forms: VecDeque<(String, Sent)>,
}

/// What became of a form that was sent.
#[derive(Clone)]
pub(super) enum Sent {
    /// Its message is being sent.
    UnderWay,
    /// Its message has this answer.
    Answered(Box<Response>),
}

/// A session that holds.
pub(super) struct Known {
    pub(super) tenant: Tenant,
    /// What each of its forms has to show.
    pub(super) csrf: Arc<str>,
}

impl Sessions {
    /// Begins a session for whoever shows `token`, and answers its identifier; `None` when the token is no tenant's.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub(super) fn begin(
        &self,
        tenants: &Tenants,
        token: &str,
        now: Instant,
    ) -> Result<Option<String>, Problem> {
        let Some(tenant) = tenants.holder(token) else { return Ok(None) };
        let (id, csrf) = (random()?, random()?.into());
        let tenant = tenant.shared_name();
        let session = Session {
            tenant: Arc::clone(&tenant),
            token: TokenDigest::of(token),
            csrf,
            began: now,
            asked: now,
            forms: VecDeque::new(),
        };
        let mut by_id = self.lock();
        by_id.retain(|_, session| session.lasts(now));
        let of_tenant = by_id.iter().filter(|(_, session)| session.tenant == tenant);
        if of_tenant.clone().count() >= OF_TENANT
            && let Some((oldest, _)) = of_tenant.min_by_key(|(_, session)| session.asked)
        {
            let oldest = *oldest;
            by_id.remove(&oldest);
        }
        by_id.insert(TokenDigest::of(&id), session);
        Ok(Some(id))
    }

    /// The session with this identifier, while it lasts and its token is still the tenant's.
    pub(super) fn find(&self, tenants: &Tenants, id: &str, now: Instant) -> Option<Known> {
        let id = TokenDigest::of(id);
        let mut by_id = self.lock();
        let session = by_id.get_mut(&id)?;
        let tenant = tenants.get(&session.tenant).filter(|tenant| {
            session.lasts(now)
                && tenant.tokens().iter().any(|token| token.digest().is_of_same(&session.token))
        });
        let Some(tenant) = tenant else {
            by_id.remove(&id);
            return None;
        };
        session.asked = now;
        Some(Known { tenant, csrf: Arc::clone(&session.csrf) })
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        self.lock().remove(&TokenDigest::of(id));
    }

    /// Says that the message of a form is about to be sent. When it was before, it is not to be sent again: answers what became of it.
    pub(super) fn send(&self, id: &str, form: &str) -> Option<Sent> {
        let mut by_id = self.lock();
        let forms = &mut by_id.get_mut(&TokenDigest::of(id))?.forms;
        if let Some((_, sent)) = forms.iter().find(|(known, _)| known == form) {
            return Some(sent.clone());
        }
        if forms.len() >= FORMS {
            forms.pop_front();
        }
        forms.push_back((form.to_owned(), Sent::UnderWay));
        None
    }

    /// Says what became of the message of a form.
    pub(super) fn sent(&self, id: &str, form: &str, response: &Response) {
        let mut by_id = self.lock();
        let forms = by_id.get_mut(&TokenDigest::of(id)).map(|session| &mut session.forms);
        if let Some((_, sent)) = forms.into_iter().flatten().find(|(known, _)| known == form) {
            *sent = Sent::Answered(Box::new(response.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenDigest, Session>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.began) < LONGEST && now.duration_since(self.asked) < IDLE
    }
}

/// What nobody can guess: [`Token::new_text`].
///
/// # Errors
///
/// The system has no randomness.
pub(super) fn random() -> Result<String, Problem> {
    Token::new_text().map_err(|_| Problem::unavailable("the system gives no random bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(tokens: &[&str]) -> Tenants {
        let tenants = Tenants::default();
        tenants.replace(acme(tokens));
        tenants
    }

    fn acme(tokens: &[&str]) -> Tenant {
        let tokens = tokens.iter().map(|token| Token::new("t", TokenDigest::of(token)).unwrap());
        tokens.fold(Tenant::builder("acme"), mqtt_connector::TenantBuilder::token).build()
    }

    #[test]
    fn a_session_lasts_as_long_as_it_is_used_and_half_a_day_at_most() {
        let (sessions, tenants, began) = (Sessions::default(), tenants(&["t"]), Instant::now());
        let begin = || sessions.begin(&tenants, "t", began).unwrap().unwrap();
        let is_known = |id: &str, after: Duration| sessions.find(&tenants, id, began + after).is_some();
        let second = Duration::from_secs(1);

        let idle = begin();
        assert!(is_known(&idle, IDLE - second));
        assert!(!is_known(&idle, 2 * IDLE - second));

        let used = begin();
        let mut after = Duration::ZERO;
        while after < LONGEST {
            assert!(is_known(&used, after), "{after:?}");
            after += IDLE - second;
        }
        assert!(!is_known(&used, after));
    }

    #[test]
    fn a_session_ends_with_its_token_and_when_somebody_signs_out() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let tenants = tenants(&["old", "new"]);
        assert!(sessions.begin(&tenants, "wrong", now).unwrap().is_none());
        let [old, new] = ["old", "new"].map(|token| sessions.begin(&tenants, token, now).unwrap().unwrap());
        tenants.replace(acme(&["new"]));
        assert!(sessions.find(&tenants, &old, now).is_none());
        assert_eq!(sessions.find(&tenants, &new, now).unwrap().tenant.name(), "acme");
        tenants.replace(acme(&["old", "new"]));
        assert!(sessions.find(&tenants, &old, now).is_none(), "it has ended");
        sessions.end(&new);
        assert!(sessions.find(&tenants, &new, now).is_none());
    }

    #[test]
    fn a_tenant_has_so_many_sessions_and_leaves_the_others_theirs() {
        let (sessions, tenants, now) = (Sessions::default(), tenants(&["t"]), Instant::now());
        let other = Token::new("t", TokenDigest::of("other")).unwrap();
        tenants.replace(Tenant::builder("other").token(other).build());
        let others = sessions.begin(&tenants, "other", now).unwrap().unwrap();
        let later = |count: usize| now + Duration::from_millis(u64::try_from(count).unwrap());
        let ids: Vec<_> = (0..=OF_TENANT)
            .map(|count| sessions.begin(&tenants, "t", later(count)).unwrap().unwrap())
            .collect();
        let now = later(OF_TENANT + 1);
        assert!(sessions.find(&tenants, &ids[0], now).is_none());
        assert!(ids[1..].iter().all(|id| sessions.find(&tenants, id, now).is_some()));
        assert!(sessions.find(&tenants, &others, now).is_some());
    }

    #[test]
    fn a_form_is_sent_once() {
        let (sessions, tenants, now) = (Sessions::default(), tenants(&["t"]), Instant::now());
        let id = sessions.begin(&tenants, "t", now).unwrap().unwrap();
        assert!(sessions.send(&id, "1").is_none());
        assert!(matches!(sessions.send(&id, "1"), Some(Sent::UnderWay)));
        sessions.sent(&id, "1", &Response::new(69, "m"));
        let Some(Sent::Answered(response)) = sessions.send(&id, "1") else { panic!("it was answered") };
        assert_eq!(response.meta.exit_code, 69);
        assert!(sessions.send(&id, "2").is_none());
    }
}
