//! The script resource: runs a customer's Lua 5.1 scripts and templates, serves their properties and services over HTTP,
//! registers its things with the gateway and pushes property changes (script resource notes = `docs/protocol/lsr.md`).
