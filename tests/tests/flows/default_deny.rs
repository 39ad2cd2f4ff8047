//! A route is closed by its rule whatever method asks: fallbacks and catch-alls are no way around it.

use actix_web::http::StatusCode as ActixStatus;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use auth_core::Auth;
use auth_core::guard::permission;
use auth_core::store::MemoryStore;
use auth_tests::builder;
use axum::body::Body;
use axum::routing::{any, get};
use http::{Method, Request, StatusCode};
use tower::ServiceExt;

fn auth() -> Auth {
    builder().store(MemoryStore::new()).build().unwrap()
}

const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];

#[tokio::test]
async fn in_axum_a_method_fallback_is_behind_the_rule() {
    use auth_axum::{RouteExt, Router};
    let secret = || async { "secret" };
    let app: axum::Router = Router::new()
        .route("/any", any(secret))
        .route("/any-required", any(secret).require(permission("x")))
        .route("/any-post", any(secret).post(secret).require(permission("x")))
        .route("/fallback", get(secret).fallback(secret))
        .auth(auth())
        .unwrap();
    for path in ["/any", "/any-required", "/any-post", "/fallback"] {
        for method in METHODS {
            let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
            let status = app.clone().oneshot(request).await.unwrap().status();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn in_actix_a_catch_all_route_is_behind_the_rule() {
    use auth_actix::{RouteExt, Router};
    async fn secret() -> &'static str {
        "secret"
    }
    let routes = || {
        Router::new()
            .route("/any", web::route().to(secret))
            .route("/any-required", web::route().to(secret).require(permission("x")))
            .route("/get", web::get().to(secret))
    };
    let service = auth_actix::service(auth(), routes).unwrap();
    let app = init_service(App::new().service(service())).await;
    for path in ["/any", "/any-required", "/get"] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            let request = TestRequest::with_uri(path).method(method.parse().unwrap()).to_request();
            let status = call_service(&app, request).await.status();
            assert_eq!(status, ActixStatus::UNAUTHORIZED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn nested_and_merged_routes_keep_their_rules() {
    use auth_axum::{RouteExt, Router};
    let handler = || async { "" };
    let inner: Router = Router::new().route("/", get(handler)).route("/open", get(handler).public());
    let app: axum::Router =
        Router::new().nest("/api", inner).merge(Router::new().route("/merged", get(handler))).auth(auth()).unwrap();
    for (path, expected) in [("/api", 401), ("/api/open", 200), ("/merged", 401), ("/unknown", 404)] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status().as_u16(), expected, "{path}");
    }
}
