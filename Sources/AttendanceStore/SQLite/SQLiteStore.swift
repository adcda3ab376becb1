import AttendanceCore
import Foundation
import GRDB
import Logging
import ServiceLifecycle
import Synchronization

/// The journal in one SQLite file: WAL mode, full synchronous commits, one writer, group commit.
///
/// Open from `init` on. `run()` keeps it open until the service group stops it; without a service group, `close()`
/// does the same. Both let the writer finish what was handed to it. One process at a time: a lock file says so.
/// Whoever only wants to look beside it opens a `SQLiteReader`.
package final class SQLiteStore: Store, ImportKeeping, RetentionKeeping, ReaderBacked, Service {
    let folder: DataFolder
    let readers: ReaderPool
    let personDays = PersonDays()
    let columns = PunchColumns()
    private let writer: Writer
    /// Whether what was found open at the start was looked through.
    private let wasLookedThrough: Bool
    private let rebuilding = Mutex<(at: UnixTime, words: String)?>(nil)
    private let logger: Logger

    /// Opens the journal in `folder`, and creates both where they are missing (for their owner alone).
    ///
    /// Throws `StoreError`: `.locked`, `.newerVersion`, `.notDurable`, `.damaged`, `.foreign`, `.full`, `.io`. Blocks the calling
    /// thread, for milliseconds unless a log has to be recovered.
    package init(folder: String, options: StoreOptions, logger: Logger) throws {
        self.logger = logger
        let folder = DataFolder(path: folder)
        try folder.create()
        self.folder = folder
        let lock = try LockFile(path: folder.lock)
        // What a restore has begun and a power cut has interrupted.
        try JournalReplacement(folder: folder).finish()
        let mark = OpenMark(folder: folder)
        wasLookedThrough = try mark.look(atMost: options.checkAfterCrash)
        try folder.createDatabase()
        readers = ReaderPool(path: folder.database)
        writer = try Writer(
            path: folder.database, lock: lock, readers: readers, options: options, logger: logger)
        try mark.set(wasLookedThrough ? .open : .suspect)
    }

    deinit { writer.stop() }

    /// Stays until the service group shuts down, then closes. Meanwhile it reads what searches will want.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.readAhead() }
            // Cancellation ends the wait too, and there is nothing else to do then: what was handed over is still kept.
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await close()
    }

    /// Counts what came before the start, and fills the columns once somebody searches: little by little, since none
    /// of it is urgent.
    private func readAhead() async {
        do {
            try await countPast()
        } catch is CancellationError {
            return  // the end came before that
        } catch {
            logger.warning(
                "punches from before the start could not be counted", metadata: ["error": "\(error)"])
        }
        for await _ in columns.wanted {
            do {
                while try await readers.read({ [columns] in try columns.readAhead($0) }) {
                    await Task.yield()
                }
            } catch {
                // Whoever searches next meets the same and is told.
                logger.debug("reading ahead stopped", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Adds to `rates` what was received before this run.
    func countPast() async throws {
        let (newest, now) = (writer.foundPunches, writer.settings.now())
        let past = try await readers.read { try Queries.rates($0, through: newest, at: now) }
        writer.rates.withLock { $0.add(past) }
    }

    /// Refuses new operations with `StoreError.closed`, finishes those handed over, closes the files. Can be repeated.
    package func close() async {
        await writer.close()
        OpenMark(folder: folder).closed(
            isTrusted: wasLookedThrough && !writer.hasMetDamage && !readers.hasMetDamage)
    }

    // MARK: Intake

    package func record(_ batch: IntakeBatch) async throws -> IntakeReceipt {
        let hashes = batch.quarantineHashes
        return try await writer.submit(
            punches: batch.punches.count + batch.quarantined.count,
            bytes: batch.raw.count + batch.sealedPhotos.reduce(0) { $0 + $1.sealed.count }, isBounded: true
        ) { try $0.record(batch, hashes: hashes) }
    }

    package func note(_ sighting: TerminalSighting) async throws {
        try await writer.submit(bytes: sighting.deviceInfo?.utf8.count ?? 0, isBounded: true) {
            try $0.note(sighting)
        }
    }

    // MARK: Delivery

    @discardableResult
    package func setSinks(_ sinks: [SinkName]) async throws -> [SinkName] {
        try await writer.submit { try $0.setSinks(sinks) }
    }

    package func owe(
        _ punches: [Int64], to sink: SinkName, again: Bool, by author: Author?, at now: UnixTime
    ) async throws -> Int {
        try await writer.submit(punches: punches.count) {
            try $0.owe(punches, to: sink, again: again, by: author, at: now)
        }
    }

    package func owed(to sink: SinkName, after: Int64, limit: Int) async throws -> [OwedPunch] {
        try await readers.read { try Queries.owed($0, to: sink, after: after, limit: limit) }
    }

    package func begin(_ attempts: [AttemptStart], for sink: SinkName, at now: UnixTime) async throws {
        guard !attempts.isEmpty else { return }
        try await writer.submit(punches: attempts.count) { try $0.begin(attempts, for: sink, at: now) }
    }

    package func settle(_ settlements: [Settlement], for sink: SinkName) async throws {
        guard !settlements.isEmpty else { return }
        try await writer.submit(punches: settlements.count) { try $0.settle(settlements, for: sink) }
    }

    package func reportFailing(
        sink: SinkName, receivedBefore: UnixTime, at now: UnixTime, limit: Int
    ) async throws -> Int {
        try await writer.submit {
            try $0.reportFailing(sink, receivedBefore: receivedBefore, at: now, limit: limit)
        }
    }

    // MARK: Outcomes

    package func outcomes(of sink: SinkName, after: Int64, limit: Int) async throws -> [ReportedOutcome] {
        try await readers.read { try Queries.outcomes($0, of: sink, after: after, limit: limit) }
    }

    package func bookmark(named name: String) async throws -> String? {
        try await readers.read { try Queries.bookmark($0, named: name) }
    }

    package func setBookmark(_ bookmark: String, named name: String) async throws {
        try await writer.submit { try $0.setBookmark(bookmark, named: name) }
    }

    // MARK: Dead letters

    package func retryDeadLetters(
        _ filter: DeadLetterFilter, by author: Author, at now: UnixTime
    ) async throws -> Int {
        try await inStretches(filter) { try $0.retry($1, by: author, at: now) }
    }

    package func discardDeadLetters(
        _ filter: DeadLetterFilter, reason: String, by author: Author, at now: UnixTime
    ) async throws -> Int {
        try await inStretches(filter) { try $0.discard($1, reason: reason, by: author, at: now) }
    }

    /// A bulk operation as transactions of bounded size, so that terminals get their turn in between. What dies while
    /// it runs is left for the next time.
    private func inStretches(
        _ filter: DeadLetterFilter,
        _ step:
            @escaping @Sendable (WriterConnection, WriterConnection.DeadLetterStretch) throws ->
            WriterConnection.DeadLetterProgress
    ) async throws -> Int {
        let last = try await readers.read { try Queries.lastDeadLetter($0) }
        var done = 0
        var place: Int64? = 0
        while let after = place {
            let progress = try await writer.submit {
                try step($0, .init(filter: filter, after: after, last: last))
            }
            done += progress.done
            place = progress.next
        }
        return done
    }

    // MARK: Sites

    package func putEmployees(_ changed: [Employee], removed: [String], of sink: SinkName) async throws {
        guard !changed.isEmpty || !removed.isEmpty else { return }
        try await writer.submit(punches: changed.count + removed.count) {
            try $0.putEmployees(changed, removed: removed, of: sink)
        }
    }

    package func setMappings(
        _ added: [EmployeeMapping], removed: [EmployeeMapping], of sink: SinkName, by author: Author,
        at now: UnixTime
    ) async throws {
        try await writer.submit(punches: added.count + removed.count) {
            try $0.setMappings(added, removed: removed, of: sink, by: author, at: now)
        }
    }

    package func setFacts(_ facts: [String: String], of sink: SinkName, at now: UnixTime) async throws {
        try await writer.submit { try $0.setFacts(facts, of: sink, at: now) }
    }

    // MARK: Corrections

    package func correct(_ punch: Int64, as correction: Correction, owedTo sinks: Set<SinkName>?) async throws
    {
        let error = try await writer.submit { connection in
            try CorrectionError.caught { try connection.correct(punch, as: correction, owedTo: sinks) }
        }
        if let error { throw error }
    }

    package func resolveQuarantine(
        _ id: Int64, as batch: IntakeBatch?, by author: Author, basis: String, at now: UnixTime
    ) async throws {
        let error = try await writer.submit { connection in
            try CorrectionError.caught {
                try connection.resolveQuarantine(id, as: batch, by: author, basis: basis, at: now)
            }
        }
        if let error { throw error }
    }

    // MARK: Commands

    package func enqueue(
        _ commands: [SealedCommand], by author: Author, at now: UnixTime, mostWaiting: Int
    ) async throws -> [Int64] {
        guard !commands.isEmpty else { return [] }
        let bytes = commands.reduce(0) { $0 + ($1.secrets?.count ?? 0) }
        let outcome = try await writer.submit(punches: commands.count, bytes: bytes) {
            connection -> Result<[Int64], CommandError> in
            // Thrown before anything is written, so it need not undo what else is in the transaction.
            do {
                return .success(
                    try connection.enqueue(commands, by: author, at: now, mostWaiting: mostWaiting))
            } catch let error as CommandError {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    package func openCommands(of terminal: SerialNumber, limit: Int) async throws -> [OpenCommand] {
        try await readers.read { try Queries.openCommands($0, of: terminal, limit: limit) }
    }

    package func terminalsWithCommands(after: SerialNumber?, limit: Int) async throws -> [SerialNumber] {
        try await readers.read { try Queries.terminalsWithCommands($0, after: after, limit: limit) }
    }

    package func beginCommand(_ id: Int64, at now: UnixTime) async throws -> Bool {
        try await writer.submit { try $0.beginCommand(id, at: now) }
    }

    package func settleCommands(_ settlements: [CommandSettlement], at now: UnixTime) async throws {
        guard !settlements.isEmpty else { return }
        let bytes = settlements.reduce(0) { $0 + ($1.result?.utf8.count ?? 0) }
        try await writer.submit(punches: settlements.count, bytes: bytes) {
            try $0.settleCommands(settlements, at: now)
        }
    }

    package func cancelCommands(_ filter: CommandFilter, by author: Author, at now: UnixTime) async throws
        -> Int
    {
        var all = 0
        while true {
            let done = try await writer.submit { try $0.cancelCommands(filter, by: author, at: now) }
            all += done
            if done < WriterConnection.commandsAtOnce { return all }
        }
    }

    package func stopCommands(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64] {
        try await writer.submit { try $0.stopCommands(ids, by: author, at: now) }
    }

    package func expireCommands(at now: UnixTime, limit: Int) async throws -> [CommandRecord] {
        // A look is free of commits; most of the time nothing has expired.
        let isDue = try await readers.read { db in
            try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM command WHERE state = 0 AND expires <= ?)",
                arguments: [now.milliseconds]) ?? false
        }
        guard isDue else { return [] }
        return try await writer.submit { try $0.expireCommands(at: now, limit: limit) }
    }

    package func pruneCommands(endedBefore moment: UnixTime, limit: Int) async throws -> Int {
        try await writer.submit { try $0.pruneCommands(endedBefore: moment, limit: limit) }
    }

    package func learnWord(_ word: String, of firmware: String, isKnown: Bool, at now: UnixTime) async throws
    {
        try await writer.submit { try $0.learnWord(word, of: firmware, isKnown: isKnown, at: now) }
    }

    // MARK: The registry

    package func setStanding(
        _ standing: TerminalStanding, of terminals: [SerialNumber], reason: String?, by author: Author,
        at now: UnixTime
    ) async throws -> [SerialNumber] {
        try await writer.submit(punches: terminals.count) {
            try $0.setStanding(standing, of: terminals, reason: reason, by: author, at: now)
        }
    }

    package func setField(
        _ field: TerminalField, to value: String?, of terminal: SerialNumber, by author: Author,
        at now: UnixTime
    ) async throws -> Bool {
        try await writer.submit {
            try $0.setField(field, to: value, of: terminal, by: author, at: now)
        }
    }

    package func setToken(
        _ token: TokenDigest?, of terminal: SerialNumber, by author: Author, at now: UnixTime
    ) async throws -> Bool {
        try await writer.submit { try $0.setToken(token, of: terminal, by: author, at: now) }
    }

    package func forgetTerminal(
        _ terminal: SerialNumber, reason: String?, by author: Author, at now: UnixTime
    ) async throws -> TerminalForgetting {
        try await writer.submit { try $0.forgetTerminal(terminal, reason: reason, by: author, at: now) }
    }

    package func releaseHeld(
        of terminal: SerialNumber, to sinks: Set<SinkName>?, limit: Int
    ) async throws -> HeldRelease {
        try await writer.submit(punches: limit) {
            try $0.releaseHeld(of: terminal, to: sinks, limit: limit)
        }
    }

    // MARK: The gateway

    package func note(_ progress: [TerminalProgress]) async throws {
        guard !progress.isEmpty else { return }
        try await writer.submit(punches: progress.count) { try $0.note(progress) }
    }

    package func importPunches(_ batch: ImportBatch) async throws -> ImportReceipt {
        try await writer.submit(punches: batch.punches.count, bytes: batch.raw.count) {
            try $0.importPunches(batch)
        }
    }

    package func forget(_ rules: RetentionRules, after place: RetentionPlace, atMost limit: Int) async throws
        -> RetentionStep
    {
        try await writer.submit(punches: limit) { try $0.forget(rules, after: place, atMost: limit) }
    }

    package func giveBack(pages: Int) async throws -> Int {
        // Moving a page costs about what a punch does.
        try await writer.submit(punches: pages) { try $0.giveBack(pages: pages) }
    }

    package func audit(_ entry: AuditEntry) async throws {
        try await writer.submit { try $0.audit(entry) }
    }

    package func setAlerts(_ alerts: [AlertRecord]) async throws {
        try await writer.submit(punches: alerts.count) { try $0.setAlerts(alerts) }
    }

    package func status() async throws -> StoreStatus {
        let state = writer.snapshot.state
        let bytes = folder.bytes
        return try await readers.read { try Queries.status($0, of: state, bytes: bytes) }
    }

    // MARK: Live

    package var feed: PunchFeed { writer.feed }
    package var rates: PunchRates { writer.rates.withLock { $0 } }

    // MARK: Health

    /// When the journal was found damaged and rebuilt; set by whoever has opened it after that.
    package var rebuiltAt: UnixTime? { rebuilding.withLock { $0?.at } }
    /// What happened then, in words, for a day; nil where it was not.
    package func rebuilt(at now: UnixTime) -> String? {
        rebuilding.withLock { told in
            guard let told, now < told.at + .seconds(86_400) else { return nil }
            return told.words
        }
    }
    package func tellOfRebuilding(at moment: UnixTime, _ words: String) {
        rebuilding.withLock { $0 = (moment, words) }
    }

    package var health: StoreHealth { writer.health }

    package func proveWritable() async throws {
        try await writer.submit { try $0.touch() }
    }

    // MARK: For the other concerns, and for tests

    /// Operations handed over and not yet answered.
    var waitingOperations: Int { writer.waitingOperations }
    var isClosing: Bool { writer.isClosing }

    /// As `onWriter`, for what weighs more than one operation.
    func submit<Value: Sendable>(
        punches: Int, bytes: Int, _ body: @escaping @Sendable (WriterConnection) throws -> Value
    ) async throws -> Value {
        try await writer.submit(punches: punches, bytes: bytes, body)
    }

    /// Runs `body` on the writer's connection, in one transaction with what else waits.
    func onWriter<Value: Sendable>(
        _ body: @escaping @Sendable (WriterConnection) throws -> Value
    ) async throws -> Value {
        try await writer.submit(body)
    }
}

extension CorrectionError {
    /// An expected refusal, which is thrown before anything is written, as a value: the writer's own errors say
    /// something of the store.
    fileprivate static func caught(_ body: () throws -> Void) throws -> CorrectionError? {
        do {
            try body()
            return nil
        } catch let error as CorrectionError {
            return error
        }
    }
}
