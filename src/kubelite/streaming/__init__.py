"""Streams inside an upgraded HTTP connection: SPDY/3.1 and WebSocket framing, remote commands and port forwarding.

Frames are pure values (`spdy_frames`, `websocket_frames`); sessions move them (`spdy`, `websocket`); `remotecommand` and
`portforward` speak Kubernetes' protocols on top, for servers and clients alike. Nothing here knows of pods or the API.
"""
