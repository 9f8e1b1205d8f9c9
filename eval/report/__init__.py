"""Reports on runs: a page that stands by itself, XML for build servers, tables for documents."""
