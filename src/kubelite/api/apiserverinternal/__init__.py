"""The kind of internal.apiserver.k8s.io/v1alpha1, which is served where the feature gate StorageVersionAPI is on."""
