import AttendanceCore
import Foundation
import HTTPTypes
import Hummingbird

/// What `GET /health` tells: whether punches are safe, and where they are stuck if they are.
package struct HealthReport: Codable, Sendable {
    package enum Status: String, Codable, Sendable {
        /// Punches are stored and delivered.
        case ok
        /// Punches are stored; something else needs a look (a sink is down, dead letters wait).
        case degraded
        /// Punches cannot be stored. Answered with 503.
        case failing
    }
    package struct Store: Codable, Sendable {
        package var status: String
        package var since: String?
        package var reason: String?
        package var punches: Int
        package var quarantined: Int
        package var databaseBytes: Int64
        /// What happened when the journal was found damaged and rebuilt; nil when that is long ago, or never was.
        package var rebuilt: String?

        package init(
            status: String, since: String? = nil, reason: String? = nil, punches: Int, quarantined: Int,
            databaseBytes: Int64
        ) {
            self.status = status
            self.since = since
            self.reason = reason
            self.punches = punches
            self.quarantined = quarantined
            self.databaseBytes = databaseBytes
        }
    }
    /// Copies that are made by themselves. Names no folder: whoever reaches the terminals' port may ask.
    package struct Backup: Codable, Sendable {
        /// `made`, `overdue` or `failing`.
        package var state: String
        package var lastSuccess: String?
        package var lastBytes: Int64?
        /// When the next is due.
        package var due: String?
        package var since: String?
        package var reason: String?

        package init(
            state: String, lastSuccess: String? = nil, lastBytes: Int64? = nil, due: String? = nil,
            since: String? = nil, reason: String? = nil
        ) {
            self.state = state
            self.lastSuccess = lastSuccess
            self.lastBytes = lastBytes
            self.due = due
            self.since = since
            self.reason = reason
        }
    }
    package struct Queue: Codable, Sendable {
        package var owed: Int
        package var oldestAgeSeconds: Int?
        package var deadLetters: Int

        package init(owed: Int, oldestAgeSeconds: Int?, deadLetters: Int) {
            self.owed = owed
            self.oldestAgeSeconds = oldestAgeSeconds
            self.deadLetters = deadLetters
        }
    }
    package struct Sink: Codable, Sendable {
        package var name: String
        package var state: String
        package var since: String?
        package var reason: String?
        package var remedy: String?
        package var lastSuccess: String?
        package var queue: Queue
        /// What is known of an ERPNext site; nil where none is read.
        package var site: Site?

        package init(
            name: String, state: String, since: String? = nil, reason: String? = nil, remedy: String? = nil,
            lastSuccess: String? = nil, queue: Queue, site: Site? = nil
        ) {
            self.site = site
            self.name = name
            self.state = state
            self.since = since
            self.reason = reason
            self.remedy = remedy
            self.lastSuccess = lastSuccess
            self.queue = queue
        }
    }
    /// The local copy of what an ERPNext site knows.
    package struct Site: Codable, Sendable {
        /// How many are known, be it from an earlier run.
        package var employees: Int
        /// When all of it was last read; nil before the first time since the start.
        package var lastRead: String?
        package var timeZone: String?
        /// What keeps the copy from being right; delivery goes on.
        package var problem: String?
        package var remedy: String?
        package var since: String?

        package init(
            employees: Int, lastRead: String? = nil, timeZone: String? = nil, problem: String? = nil,
            remedy: String? = nil, since: String? = nil
        ) {
            self.employees = employees
            self.lastRead = lastRead
            self.timeZone = timeZone
            self.problem = problem
            self.remedy = remedy
            self.since = since
        }
    }
    /// How terminals fare, and shifts that wait for them.
    package struct Terminals: Codable, Sendable {
        /// Named by the settings, or heard of within 31 days.
        package var known: Int
        package var offline: Int
        /// The most records that a connected one has yet to send.
        package var largestBacklog: Int
        /// The worst clock among the connected ones, seconds without sign.
        package var largestSkewSeconds: Int
        package var shiftsHeldBack: Int
        /// Those that wait for approval, and what to do about them. Names none, for the same reason as alerts.
        package var pending: Int
        package var pendingRemedy: String?

        package init(
            known: Int = 0, offline: Int = 0, largestBacklog: Int = 0, largestSkewSeconds: Int = 0,
            shiftsHeldBack: Int = 0, pending: Int = 0
        ) {
            self.pending = pending
            if pending > 0 {
                pendingRemedy =
                    "they wait for approval: attendance-gateway terminals list --pending, then terminals approve SERIAL"
            }
            self.known = known
            self.offline = offline
            self.largestBacklog = largestBacklog
            self.largestSkewSeconds = largestSkewSeconds
            self.shiftsHeldBack = shiftsHeldBack
        }
    }
    /// Commands to terminals that have not ended.
    package struct Commands: Codable, Sendable {
        package var waiting: Int
        package var inFlight: Int
        /// Terminals that have such commands.
        package var terminals: Int
        package var oldestAgeSeconds: Int?

        package init(waiting: Int = 0, inFlight: Int = 0, terminals: Int = 0, oldestAgeSeconds: Int? = nil) {
            self.waiting = waiting
            self.inFlight = inFlight
            self.terminals = terminals
            self.oldestAgeSeconds = oldestAgeSeconds
        }
    }
    /// Records that are pulled because terminals do not push them.
    package struct Pulls: Codable, Sendable {
        package var running: Int
        /// Terminals of which punches may be missing, and those that have stopped pushing.
        package var gaps: Int
        package var stalled: Int

        package init(running: Int = 0, gaps: Int = 0, stalled: Int = 0) {
            self.running = running
            self.gaps = gaps
            self.stalled = stalled
        }
    }
    /// The roster, and terminals that do not hold what they shall.
    package struct People: Codable, Sendable {
        package var people: Int
        package var terminalsBehind: Int
        /// What cannot be brought about: `people conflicts` tells it.
        package var conflicts: Int

        package init(people: Int = 0, terminalsBehind: Int = 0, conflicts: Int = 0) {
            self.people = people
            self.terminalsBehind = terminalsBehind
            self.conflicts = conflicts
        }
    }
    /// Alerts of one kind. Names none: whoever reaches the terminals' port may ask.
    package struct Alert: Codable, Sendable {
        package var kind: String
        /// The worst of them: `warning` or `critical`.
        package var severity: String
        package var count: Int
        /// Since when there has been one.
        package var since: String

        package init(kind: String, severity: String, count: Int, since: String) {
            self.kind = kind
            self.severity = severity
            self.count = count
            self.since = since
        }
    }
    package var status: Status
    package var version: String
    package var uptimeSeconds: Int
    /// Terminals that have registered and are still connected; named as the older service named it.
    package var connectedDevices: Int
    package var connections: Int
    package var store: Store
    package var queue: Queue
    package var sinks: [Sink]
    package var terminals: Terminals
    package var commands: Commands
    package var pulls: Pulls
    package var people: People
    /// Critical ones first.
    package var alerts: [Alert]
    /// Nil where none are made by themselves.
    package var backup: Backup?

    package init(
        status: Status, version: String, uptimeSeconds: Int, connectedDevices: Int, connections: Int,
        store: Store,
        queue: Queue, sinks: [Sink], terminals: Terminals = Terminals(), commands: Commands = Commands(),
        pulls: Pulls = Pulls(), people: People = People(),
        alerts: [Alert] = []
    ) {
        self.status = status
        self.version = version
        self.uptimeSeconds = uptimeSeconds
        self.connectedDevices = connectedDevices
        self.connections = connections
        self.store = store
        self.queue = queue
        self.sinks = sinks
        self.terminals = terminals
        self.commands = commands
        self.pulls = pulls
        self.people = people
        self.alerts = alerts
    }
}

/// Answers as JSON with snake_case keys in a fixed order, so that scripts and eyes find things again.
package enum JSONAnswer {
    package static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: data)
    }

    static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "application/json; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: try encode(value))))
    }

    /// `{"error": …}`: what went wrong and what to do, for programs and for people.
    static func problem(_ status: HTTPResponse.Status, _ text: String) throws -> Response {
        try response(["error": text], status: status)
    }
}
