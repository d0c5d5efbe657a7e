"""The embedded policy decision point: Cedar, through cedarpy."""
