extension Migrations {
    /// Nothing of a punch: an index over punches would cost the intake more than all else (docs/decisions/0031).
    ///
    /// - `attempt_latest`: the newest attempts at a sink, of each fate. A microsecond and 20 bytes an attempt, which takes
    ///   a request to the sink.
    /// - `attempt_suppressed`: costs nothing where nothing is suppressed.
    static let console = """
        CREATE INDEX attempt_latest ON attempt (sink, fate, started);
        CREATE INDEX attempt_suppressed ON attempt (sink, punch) WHERE fate = 3;
        """
}
