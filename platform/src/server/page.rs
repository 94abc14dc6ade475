//! The page: three files in the program, nothing loaded from elsewhere, no data in them.
//!
//! Everything that the page shows comes over the live socket, which wants a key. The page takes the key from its own
//! address (`/?appKey=...`) or asks for it, keeps it for the tab and removes it from the address.

use actix_web::{HttpResponse, http::header, web};

/// Adds the page's routes to an application.
pub(super) fn configure(service: &mut web::ServiceConfig) {
    service
        .route("/", web::get().to(|| file("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/page.css", web::get().to(|| file("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route(
            "/page.js",
            web::get().to(|| file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
        );
}

async fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
