"""What objects use of a namespace's quota: amounts, scopes, one evaluator a resource, and the decision about a request."""
