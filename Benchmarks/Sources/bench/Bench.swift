import Foundation

/// The measurements. Each starts what it needs, measures gateway and floor one right after the other in every run, and
/// ends what it started.
struct Bench {
    let gateway: URL
    /// Where the C programs lie: beside this one.
    let tools: URL
    /// Scratch folder on the disk that is to be measured.
    let folder: URL
    let runs: Int
    /// Seconds of one measurement.
    let seconds: Double
    let isQuick: Bool
    private var run = 1

    init(gateway: URL, tools: URL, folder: URL, isQuick: Bool, runs: Int?) {
        self.gateway = gateway
        self.tools = tools
        self.folder = folder
        self.isQuick = isQuick
        self.runs = runs ?? (isQuick ? 1 : 3)
        seconds = isQuick ? 2 : 4
    }

    static let names = [
        "acknowledge", "store", "start", "stop", "memory", "latency", "burst", "deliver", "directions",
        "console", "pages",
    ]

    mutating func measure(_ name: String) throws -> [Figure] {
        switch name {
        case "acknowledge": try [acknowledge()]
        case "store": try store()
        case "start": try [start()]
        case "stop": try [stop()]
        case "memory": try [memory()]
        case "latency": try [latency()]
        case "burst": try [burst()]
        case "deliver": try [deliver()]
        case "directions": try [directions()]
        case "console": try console()
        case "pages": try pages()
        default:
            throw BenchError("there is no benchmark \(name); there are \(Self.names.joined(separator: ", "))")
        }
    }

    // MARK: The figures

    /// 1,000 terminals, one record a message, each sending the next when the last is acknowledged.
    private mutating func acknowledge() throws -> Figure {
        var figure = Figure(
            "acknowledge", "1 record a message from 1,000 terminals", unit: "acks/s",
            aim: ("ratio >= 0.5", { _, ratio in (ratio ?? 0) >= 0.5 }))
        for _ in 0..<runs {
            let floor = try withAckFloor { try load("closed", port: $0).acksPerSecond }
            let value = try withGateway { try load("closed", port: $0.port).acksPerSecond }
            figure.add(value ?? 0, floor: floor)
        }
        return figure
    }

    /// 100 terminals, 50 records a message; then the same rows through SQLite's C interface.
    private mutating func store() throws -> [Figure] {
        var beside = Figure(
            "store-beside-sqlite", "50 records a message from 100 terminals, beside SQLite's C interface",
            unit: "punches/s",
            aim: ("ratio >= 0.6", { _, ratio in (ratio ?? 0) >= 0.6 }))
        var alone = Figure(
            "store", "50 records a message from 100 terminals", unit: "punches/s",
            aim: (">= 120000", { value, _ in value >= 120_000 }))
        for _ in 0..<runs {
            let place = fresh("store")
            let value = try withGateway(place) {
                try load("closed", port: $0.port, ["--connections", "100", "--records", "50"])
                    .punchesPerSecond ?? 0
            }
            let copy = fresh("copy")
            let floor = try Measured(
                try tool(
                    "sqlite-floor",
                    [
                        "--source", place.appending(path: "data/journal.sqlite").path, "--target", copy.path,
                        "--batch", "2000", "--most", "400000",
                    ]
                ).finish())
            beside.add(value, floor: floor.punchesPerSecond)
            alone.add(value)
            remove(copy)
            remove(place)
        }
        return [beside, alone]
    }

    /// From starting the program to a healthy answer, with punches in the journal.
    private mutating func start() throws -> Figure {
        let wanted = isQuick ? 200_000 : 1_000_000
        var figure = Figure(
            "start", "starting the program to its first healthy answer with \(wanted) punches stored",
            unit: "s",
            aim: ("< 1", { value, _ in value < 1 }))
        let place = fresh("start")
        defer { remove(place) }
        _ = try withGateway(place) { gateway in
            try load(
                "closed", port: gateway.port,
                [
                    "--connections", "100", "--records", "50", "--most", "\(wanted / 50)", "--seconds", "60",
                    "--warm-up", "0",
                ])
        }
        for _ in 0..<max(runs, 3) { figure.add(try withGateway(place) { $0.startTime }) }
        return figure
    }

    /// From SIGTERM to the end of the process while 1,000 terminals send as fast as they can.
    private mutating func stop() throws -> Figure {
        var figure = Figure(
            "stop", "SIGTERM to the end of the process, under load", unit: "s",
            aim: ("< 5", { value, _ in value < 5 }))
        for _ in 0..<runs {
            try withHangingERP { erp in
                let gateway = try Gateway(program: self.gateway, folder: fresh("stop"), erpPort: erp)
                let load = try tool("load", loadArguments("closed", port: gateway.port, ["--seconds", "20"]))
                usleep(1_500_000)
                figure.add(try gateway.stop())
                load.kill()
                remove(gateway.folder)
            }
        }
        return figure
    }

    /// Resident memory of 10,000 terminals that are registered and silent, without what the program takes alone.
    private mutating func memory() throws -> Figure {
        let count = isQuick ? 2_000 : 10_000
        var figure = Figure(
            "memory", "resident memory of an idle terminal, of \(count)", unit: "KiB",
            aim: ("<= 15", { value, _ in value <= 15 }))
        let floor = try withAckFloorProcess { port, child in try idleMemory(port, child, count) }
        figure.add(try withGateway { try idleMemory($0.port, $0.child, count) }, floor: floor)
        return figure
    }

    private mutating func idleMemory(_ port: Int, _ server: Child, _ count: Int) throws -> Double {
        // A first crowd comes and goes, so that what is allocated once for all is not counted.
        _ = try load("burst", port: port, ["--connections", "200"])
        let before = try server.residentMemory()
        let idle = try tool("load", loadArguments("idle", port: port, ["--connections", "\(count)"]))
        guard let ready = idle.line(), ready == "ready \(count)" else {
            throw BenchError("not all \(count) terminals could register: see the limit of open files")
        }
        let after = try server.residentMemory()
        try idle.closeInput()
        _ = try idle.finish()
        return (after - before) / Double(count)
    }

    /// 1,000 punches a second from 1,000 terminals while the ERP takes requests and never answers.
    private mutating func latency() throws -> Figure {
        var figure = Figure(
            "latency", "99th percentile of acknowledging, 1,000 punches/s, the ERP hangs", unit: "ms",
            aim: ("< 20", { value, _ in value < 20 }))
        for _ in 0..<runs {
            let floor = try withAckFloor { try load("rate", port: $0, ["--rate", "1000"]).p99 ?? 0 }
            let value = try withGateway { try load("rate", port: $0.port, ["--rate", "1000"]).p99 ?? 0 }
            figure.add(value * 1000, floor: floor * 1000)
        }
        return figure
    }

    /// 1,000 terminals dial, upgrade, register and punch at once: from the first dial to the last acknowledgement.
    private mutating func burst() throws -> Figure {
        var figure = Figure(
            "burst", "1,000 terminals connect and punch at once", unit: "s",
            aim: ("<= 0.5", { value, _ in value <= 0.5 }))
        for _ in 0..<max(runs, 3) {
            let floor = try withAckFloor { try load("burst", port: $0).seconds }
            figure.add(try withGateway { try load("burst", port: $0.port).seconds ?? 0 }, floor: floor)
        }
        return figure
    }

    /// Punches that are owed, to a server that answers at once; beside a bare client with as many in flight.
    private mutating func deliver() throws -> Figure {
        let inFlight = 8
        var figure = Figure(
            "deliver", "punches to an ERP that answers at once, \(inFlight) requests in flight",
            unit: "requests/s")
        for _ in 0..<runs {
            let server = try tool("http-floor", ["server", "--port", "0"])
            let port = try server.port()
            let client = try tool(
                "http-floor",
                ["client", "--port", "\(port)", "--in-flight", "\(inFlight)", "--seconds", "\(seconds / 2)"])
            let floor = try Measured(try client.finish()).requestsPerSecond
            figure.add(try deliveryRate(erpPort: port, inFlight: inFlight), floor: floor)
            server.kill()
        }
        return figure
    }

    private mutating func deliveryRate(erpPort: Int, inFlight: Int) throws -> Double {
        let gateway = try Gateway(
            program: self.gateway, folder: fresh("deliver"), erpPort: erpPort, concurrency: inFlight)
        defer {
            gateway.child.kill()
            remove(gateway.folder)
        }
        _ = try load(
            "closed", port: gateway.port,
            ["--connections", "20", "--records", "50", "--most", "2000", "--seconds", "30", "--warm-up", "0"])
        // Taking the punches in is over: from here on the gateway only delivers.
        let rate = try postRate(erpPort, seconds: seconds / 2)
        try gateway.stop()
        return rate
    }

    /// The same where each punch needs the person's others of the day, beside a gateway that needs none of them: a day of
    /// 200,000 people with four punches each in the journal, the first of them owed.
    private mutating func directions() throws -> Figure {
        let people = isQuick ? 50_000 : 200_000
        var figure = Figure(
            "directions",
            "the same with alternating directions and a repeat window, of \(people) people × 4 punches",
            unit: "requests/s", aim: ("ratio >= 0.7", { _, ratio in (ratio ?? 0) >= 0.7 }))
        for _ in 0..<runs {
            let place = fresh("day")
            defer { remove(place) }
            _ = try withGateway(place) {
                try load(
                    "closed", port: $0.port,
                    [
                        "--connections", "20", "--records", "50", "--most", "\(people * 4 / 50)", "--people",
                        "\(people)", "--seconds", "60", "--warm-up", "0",
                    ])
            }
            var rates: [Double] = []
            for isRuled in [false, true] {
                let copy = fresh("copy")
                try FileManager.default.copyItem(at: place, to: copy)
                let server = try tool("http-floor", ["server", "--port", "0"])
                let port = try server.port()
                let gateway = try Gateway(
                    program: self.gateway, folder: copy, erpPort: port,
                    erp: isRuled ? "RepeatSeconds = 60" : "",
                    terminals: isRuled ? "Direction = alternate" : "")
                defer {
                    gateway.child.kill()
                    server.kill()
                    remove(copy)
                }
                rates.append(try postRate(port, seconds: seconds))
                try gateway.stop()
            }
            figure.add(rates[1], floor: rates[0])
        }
        return figure
    }

    /// Everything that a console asks of a journal, each answer from the file, while 1,000 punches/s come in.
    private func console() throws -> [Figure] {
        let place = fresh("console")
        defer { remove(place) }
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let punches = isQuick ? 100_000 : 1_000_000
        let asking = try Child(
            try journalBench(), [place.path, "--punches", "\(punches)", "--rounds", isQuick ? "20" : "60"])
        var figures: [Figure] = []
        var worst: (p95: Double, question: String) = (0, "")
        while let line = asking.line() {
            let answer = try JSONDecoder().decode(Answer.self, from: Data(line.utf8))
            if answer.p95 > worst.p95 { worst = (answer.p95, answer.question) }
            var figure = Figure(
                "console: \(answer.question)", "95th percentile, of \(punches) punches, 1,000 more a second",
                unit: "ms", aim: ("< 100", { value, _ in value < 100 }))
            figure.add(answer.p95)
            figures.append(figure)
        }
        _ = try asking.finish()
        var figure = Figure(
            "console", "the slowest of \(figures.count) questions (\(worst.question))", unit: "ms",
            aim: ("< 100", { value, _ in value < 100 }))
        figure.add(worst.p95)
        return figures + [figure]
    }

    /// Every page of the console by HTTP, as somebody signed in gets it, while 1,000 punches/s come in.
    private mutating func pages() throws -> [Figure] {
        let place = fresh("pages")
        defer { remove(place) }
        let data = place.appending(path: "data")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        let punches = isQuick ? 100_000 : 1_000_000
        // Made by who asks the same journal by itself; what it would measure is not wanted here.
        _ = try Child(
            try journalBench(), [data.path, "--punches", "\(punches)", "--rounds", "1", "--rate", "1"]
        )
        .finish()
        let rounds = isQuick ? 20 : 60
        return try withGateway(place) { gateway in
            let cookie = try ConsoleDoor(gateway: gateway, program: self.gateway).signIn()
            let paths = ConsoleDoor.paths(punches: punches)
            // As long as it takes; ended below.
            let load = try tool(
                "load", loadArguments("rate", port: gateway.port, ["--rate", "1000", "--seconds", "600"]))
            defer { load.kill() }
            usleep(2_000_000)
            var figures: [Figure] = []
            var worst: (p95: Double, path: String) = (0, "")
            for path in paths {
                var times: [Double] = []
                for _ in 0..<rounds {
                    let start = monotonic()
                    guard let answer = Loopback.ask(port: gateway.console, path: path, cookie: cookie) else {
                        throw BenchError("no answer to \(path)")
                    }
                    times.append((monotonic() - start) * 1000)
                    guard answer.status == 200 else { throw BenchError("\(path) answers \(answer.status)") }
                    guard answer.body.utf8.count < 100_000 else {
                        throw BenchError("\(path) has \(answer.body.utf8.count) bytes")
                    }
                }
                times.sort()
                let p95 = times[min(times.count - 1, times.count * 95 / 100)]
                if p95 > worst.p95 { worst = (p95, path) }
                var figure = Figure(
                    "pages: \(path)", "95th percentile, of \(punches) punches, 1,000 more a second",
                    unit: "ms", aim: ("< 100", { value, _ in value < 100 }))
                figure.add(p95)
                figures.append(figure)
            }
            guard load.process.isRunning else { throw BenchError("the load has ended before the last page") }
            var figure = Figure(
                "pages", "the slowest of \(figures.count) pages (\(worst.path))", unit: "ms",
                aim: ("< 100", { value, _ in value < 100 }))
            figure.add(worst.p95)
            return figures + [figure]
        }
    }

    private func journalBench() throws -> URL {
        let program = gateway.deletingLastPathComponent().appending(path: "journal-bench")
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw BenchError(
                "no program at \(program.path): build it (swift build -c release --product journal-bench)")
        }
        return program
    }

    /// A line of `journal-bench`.
    private struct Answer: Decodable {
        var question: String
        /// Milliseconds.
        var p95: Double
    }

    private func postRate(_ port: Int, seconds: Double) throws -> Double {
        let first = try posts(port)
        let start = monotonic()
        usleep(UInt32(seconds * 1_000_000))
        let rate = Double(try posts(port) - first) / (monotonic() - start)
        guard rate > 0 else { throw BenchError("nothing was delivered, or all before it could be measured") }
        return rate
    }

    private func posts(_ port: Int) throws -> Int {
        guard let body = Loopback.get(port: port, path: "/")?.body, let count = Int(body.filter(\.isNumber))
        else {
            throw BenchError("the ERP stand-in does not answer")
        }
        return count
    }

    // MARK: Parts

    private func tool(_ name: String, _ arguments: [String]) throws -> Child {
        try Child(tools.appending(path: name), arguments)
    }

    private mutating func load(_ mode: String, port: Int, _ options: [String] = []) throws -> Measured {
        try Measured(try tool("load", loadArguments(mode, port: port, options)).finish())
    }

    /// The first of two equal options counts. Each run of `load` gets its own addresses and people.
    private mutating func loadArguments(_ mode: String, port: Int, _ options: [String]) -> [String] {
        run = run % 250 + 1
        return [mode, "--port", "\(port)", "--run", "\(run)"] + options + [
            "--connections", "1000", "--records", "1", "--seconds", "\(seconds)", "--warm-up", "1",
        ]
    }

    private func fresh(_ name: String) -> URL {
        folder.appending(path: "\(name)-\(UInt32.random(in: 0 ... .max))")
    }

    private func remove(_ url: URL) {
        // What cannot be removed now goes with the whole folder at the end.
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: url.path + suffix) }
    }

    private func withAckFloor<Result>(_ body: (Int) throws -> Result) throws -> Result {
        try withAckFloorProcess { port, _ in try body(port) }
    }

    private func withAckFloorProcess<Result>(_ body: (Int, Child) throws -> Result) throws -> Result {
        let file = fresh("ack-floor")
        let floor = try tool("ack-floor", ["--port", "0", "--file", file.path])
        defer {
            floor.kill()
            remove(file)
        }
        return try body(try floor.port(), floor)
    }

    private func withHangingERP<Result>(_ body: (Int) throws -> Result) throws -> Result {
        let erp = try tool("http-floor", ["server", "--port", "0", "--hang", "1"])
        defer { erp.kill() }
        return try body(try erp.port())
    }

    /// A gateway whose ERP hangs: what is owed stays owed, so that delivering takes no part in what is measured. Without
    /// a place its data goes with it.
    private func withGateway<Result>(_ place: URL? = nil, _ body: (Gateway) throws -> Result) throws -> Result
    {
        try withHangingERP { erp in
            let gateway = try Gateway(program: gateway, folder: place ?? fresh("gateway"), erpPort: erp)
            defer {
                gateway.child.kill()
                if place == nil { remove(gateway.folder) }
            }
            let result = try body(gateway)
            try gateway.stop()
            return result
        }
    }
}
