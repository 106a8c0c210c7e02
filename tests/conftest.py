from hypothesis import settings

# Other programs share the machines that tests run on: how long an example takes says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
