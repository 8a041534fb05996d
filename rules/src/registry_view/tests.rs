//! L5: what a namespace, an account or a hub is, is asked at the instant of use.
