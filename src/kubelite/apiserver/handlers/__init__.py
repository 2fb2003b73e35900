"""From request to answer: what the URL asks for, the chain every request passes, and the handlers of the verbs."""
