"""Sizes workloads by what is measured of them: HorizontalPodAutoscaler."""
