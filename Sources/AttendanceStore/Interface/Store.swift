import AttendanceCore

/// The journal and all that hangs on it, as few and coarse operations: the seam behind which engines differ.
///
/// Every operation that changes something returns after the commit that holds the change is durable, and not before.
/// Order: operations of one caller that await each other are seen in that order by every later read. What a person
/// orders is written into the audit trail in the same commit. All of it is held to by the conformance suite in
/// `Tests/AttendanceStoreTests/Conformance`, which takes any engine.
///
/// What belongs to one concern stands together: `DeliveryKeeping`, `EmployeeKeeping`, `CorrectionKeeping`,
/// `TerminalKeeping`, `RegistryKeeping`, `AlertKeeping`, `CommandKeeping`, `PeopleKeeping`,
/// `AccessKeeping`, `AccountKeeping`, `LiveReading`.
package protocol Store: JournalReading, DeliveryKeeping, EmployeeKeeping, CorrectionKeeping, TerminalKeeping,
    RegistryKeeping, AlertKeeping, CommandKeeping, PeopleKeeping, AccessKeeping, AccountKeeping,
    LiveReading
{
    // MARK: Intake

    /// Keeps a batch: new punches with what they owe to the sinks, repeats recognised, odd records in quarantine.
    /// All in one commit. Throws `StoreError`; then nothing of the batch is kept and nothing may be acknowledged.
    func record(_ batch: IntakeBatch) async throws -> IntakeReceipt

    // MARK: Audit

    /// Writes down a change that is none of the journal's own, such as a check-in repaired on the site.
    func audit(_ entry: AuditEntry) async throws

    // MARK: Health

    /// Cheap enough for each health request, and never waits: whether the last commit succeeded.
    var health: StoreHealth { get }
    /// Commits something tiny through the writer: answers only when the writer can still make things durable.
    func proveWritable() async throws
}

/// What is owed to sinks, what became of it, and what nobody could deliver.
package protocol DeliveryKeeping: Sendable {
    /// Makes the sinks known: from now on each forwarded punch is owed to each of them, unless its batch names others.
    /// Punches recorded earlier are not owed to a sink that is new. A sink that is no longer named keeps what it is
    /// owed. Idempotent. Returns those that were not known before.
    @discardableResult
    func setSinks(_ sinks: [SinkName]) async throws -> [SinkName]

    /// Makes punches owed that are neither owed nor dead there. Only those that are forwarded at all (a person, a
    /// believed time) and wait for no approval. At most 1,000 at a time. Returns how many became owed.
    ///
    /// - `again`: whether also those that the sink took, suppressed or was spared (`discarded`) before; what was
    ///   frozen for them is forgotten.
    /// - `author`: who ordered it, for the audit trail; nil where a rule did.
    func owe(_ punches: [Int64], to sink: SinkName, again: Bool, by author: Author?, at now: UnixTime)
        async throws -> Int

    /// Punches owed to a sink with a number greater than `after`, by number, at most `limit`; also those not yet due.
    func owed(to sink: SinkName, after: Int64, limit: Int) async throws -> [OwedPunch]

    /// Marks attempts as begun and freezes what is sent, before anything leaves. A `frozen` that is already there
    /// stays as it is, and its decision with it. Rows that are no longer owed are ignored.
    func begin(_ attempts: [AttemptStart], for sink: SinkName, at now: UnixTime) async throws

    /// Writes down what became of attempts. Rows that are no longer owed are ignored, their attempt and report too.
    /// A punch that was once reported as failed is not reported as failed again, only a success still is.
    func settle(_ settlements: [Settlement], for sink: SinkName) async throws

    /// Reports punches as failed so far that were received before `received`, are still owed and were not yet
    /// reported, at most `limit`, oldest first. Returns how many.
    func reportFailing(sink: SinkName, receivedBefore: UnixTime, at now: UnixTime, limit: Int) async throws
        -> Int

    /// Outcomes with a number greater than `after`, by number, at most `limit`: what the CSV follows.
    func outcomes(of sink: SinkName, after: Int64, limit: Int) async throws -> [ReportedOutcome]
    /// A place of someone who goes through the journal, with whatever they need to go on; nil at first.
    func bookmark(named name: String) async throws -> String?
    func setBookmark(_ bookmark: String, named name: String) async throws

    /// Owed again at once, attempts counted from nought, what was frozen forgotten. Returns how many.
    func retryDeadLetters(_ filter: DeadLetterFilter, by author: Author, at now: UnixTime) async throws -> Int
    /// No longer owed. The punch stays in the journal. Returns how many.
    func discardDeadLetters(
        _ filter: DeadLetterFilter, reason: String, by author: Author, at now: UnixTime
    ) async throws -> Int
}

/// The local copy of a site's employees, of the operator's own mapping, and of what the site says of itself.
package protocol EmployeeKeeping: Sendable {
    /// Adds or replaces `changed` and forgets `removed` (document names). At most 1,000 of both at a time.
    func putEmployees(_ changed: [Employee], removed: [String], of sink: SinkName) async throws
    /// Adds or replaces, and takes away; both are written into the audit trail.
    func setMappings(
        _ added: [EmployeeMapping], removed: [EmployeeMapping], of sink: SinkName, by author: Author,
        at now: UnixTime
    ) async throws
    /// Adds or replaces facts of a site, such as its time zone.
    func setFacts(_ facts: [String: String], of sink: SinkName, at now: UnixTime) async throws
}

/// Times that could not be believed, and what was decided about them.
package protocol CorrectionKeeping: Sendable {
    /// Writes down a decision on a punch with a doubtful time and into the audit trail. With a time, it becomes owed
    /// to `sinks` (nil: all). Throws `CorrectionError` when the punch needs none, or was already sent somewhere.
    func correct(_ punch: Int64, as correction: Correction, owedTo sinks: Set<SinkName>?) async throws
    /// Decides on a record in quarantine: made into the one punch of `batch`, or given up (nil). Throws
    /// `CorrectionError` when there is no such record or it was decided on before.
    func resolveQuarantine(
        _ id: Int64, as batch: IntakeBatch?, by author: Author, basis: String, at now: UnixTime
    ) async throws
}

package enum CorrectionError: Error, Hashable, Sendable {
    /// There is no such punch or record.
    case unknown
    /// Its time is believed, so there is nothing to correct.
    case notDoubtful
    /// It was sent with an earlier correction, or decided on before.
    case alreadyDecided
    /// The journal has a punch of this person at this terminal and time already.
    case alreadyThere
}

/// Terminals, as far as they are known.
package protocol TerminalKeeping: Sendable {
    /// Keeps what a terminal said of itself at `reg`, and creates it if it was never seen.
    func note(_ sighting: TerminalSighting) async throws
    /// Keeps how far terminals have come. Unknown ones are ignored. At most 1,000 at a time.
    func note(_ progress: [TerminalProgress]) async throws
}

package protocol AlertKeeping: Sendable {
    /// Replaces all that were kept.
    func setAlerts(_ alerts: [AlertRecord]) async throws
}
