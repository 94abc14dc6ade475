//! The page: a few files in the program, nothing loaded from elsewhere, no data in them.
//!
//! Everything that the page shows comes over the live socket and by REST, which want a key. The page takes the key
//! from its own address (`/?appKey=...`) or asks for it, keeps it for the tab and removes it from the address.

use actix_web::{HttpResponse, http::header, web};

/// Adds the page's routes to an application.
pub(super) fn configure(service: &mut web::ServiceConfig) {
    service.route("/", web::get().to(|| async { file(HTML, include_str!("page/index.html")) }));
    for (path, content_type, text) in FILES {
        service.route(path, web::get().to(move || async move { file(content_type, text) }));
    }
}

fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}

/// Path, type and text of everything but the document itself.
const FILES: &[(&str, &str, &str)] = &[
    ("/page/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page/main.js", SCRIPT, include_str!("page/main.js")),
    ("/page/dom.js", SCRIPT, include_str!("page/dom.js")),
    ("/page/live.js", SCRIPT, include_str!("page/live.js")),
    ("/page/rest.js", SCRIPT, include_str!("page/rest.js")),
    ("/page/store.js", SCRIPT, include_str!("page/store.js")),
    ("/page/values.js", SCRIPT, include_str!("page/values.js")),
    ("/page/list.js", SCRIPT, include_str!("page/list.js")),
    ("/page/thing.js", SCRIPT, include_str!("page/thing.js")),
    ("/page/properties.js", SCRIPT, include_str!("page/properties.js")),
    ("/page/chart.js", SCRIPT, include_str!("page/chart.js")),
    ("/page/services.js", SCRIPT, include_str!("page/services.js")),
    ("/page/remote.js", SCRIPT, include_str!("page/remote.js")),
    ("/page/events.js", SCRIPT, include_str!("page/events.js")),
    ("/page/wire.js", SCRIPT, include_str!("page/wire.js")),
];
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";
