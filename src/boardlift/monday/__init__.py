"""The source: monday.com's GraphQL API, from a request to sealed windows of items."""
