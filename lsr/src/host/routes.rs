//! What a script has registered under which paths (script resource notes, 2.4).

use std::{cell::RefCell, sync::Arc};

use crate::log::{self, Level};

/// Registered paths with the names of the functions behind them; the functions are looked up at each call.
#[derive(Debug)]
pub(super) struct Routes {
    script: Arc<str>,
    routes: RefCell<Vec<Route>>,
}

#[derive(Debug)]
struct Route {
    segments: Vec<Vec<u8>>,
    function: Vec<u8>,
}

impl Routes {
    pub(super) fn new(script: Arc<str>) -> Self {
        Self { script, routes: RefCell::default() }
    }

    /// Registers `function` for `path` and everything below it; the last registration of a path counts.
    pub(super) fn register(&self, path: &[u8], function: Vec<u8>) {
        let segments: Vec<_> =
            path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect();
        let mut routes = self.routes.borrow_mut();
        if let Some(route) = routes.iter_mut().find(|route| route.segments == segments) {
            let path = String::from_utf8_lossy(path);
            log::write(Level::Warn, &self.script, format_args!("callback {path} is registered again"));
            route.function = function;
        } else {
            routes.push(Route { segments, function });
        }
    }

    /// The function under the longest registered prefix of `path`.
    pub(super) fn find(&self, path: &[Vec<u8>]) -> Option<Vec<u8>> {
        let routes = self.routes.borrow();
        let fitting = routes.iter().filter(|route| path.starts_with(&route.segments));
        fitting.max_by_key(|route| route.segments.len()).map(|route| route.function.clone())
    }

    /// How the original shows a path that leads nowhere: `/scripts/<script>/<path>/`.
    pub(super) fn shown(script: &str, path: &[Vec<u8>]) -> String {
        let mut shown = format!("/scripts/{script}/");
        for segment in path {
            shown.push_str(&String::from_utf8_lossy(segment));
            shown.push('/');
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Vec<u8>> {
        text.split_terminator('/').map(|part| part.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let routes = Routes::new("s".into());
        routes.register(b"/a/b", b"inner".to_vec());
        assert_eq!(routes.find(&path("a/b/c")), Some(b"inner".to_vec()));
        assert_eq!(routes.find(&path("a")), None);
        assert_eq!(routes.find(&path("a/bc")), None);
        routes.register(b"/", b"all".to_vec());
        assert_eq!(routes.find(&path("a")), Some(b"all".to_vec()));
        assert_eq!(routes.find(&path("a/b")), Some(b"inner".to_vec()));
    }

    #[test]
    fn the_last_registration_of_a_path_counts() {
        let routes = Routes::new("s".into());
        routes.register(b"/a", b"first".to_vec());
        routes.register(b"/a", b"second".to_vec());
        assert_eq!(routes.find(&path("a")), Some(b"second".to_vec()));
    }

    #[test]
    fn an_empty_first_segment_misses_registered_paths() {
        let routes = Routes::new("kid".into());
        routes.register(b"/hello", b"hello".to_vec());
        let missed = vec![Vec::new(), b"hello".to_vec()];
        assert_eq!(routes.find(&missed), None);
        assert_eq!(Routes::shown("kid", &missed), "/scripts/kid//hello/");
    }
}
