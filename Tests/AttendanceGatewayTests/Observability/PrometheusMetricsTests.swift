import Foundation
import Metrics
import Testing

@testable import AttendanceGateway

/// What a scraper understands of the text: samples by `name{labels}`, types by name.
private struct Scrape {
    var samples: [String: Double] = [:]
    var types: [String: String] = [:]

    init(_ text: String) throws {
        #expect(text.hasSuffix("\n"))
        var helped: Set<Substring> = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                #expect(helped.insert(words[2]).inserted, "a second HELP of \(words[2])")
            } else if line.hasPrefix("# TYPE ") {
                #expect(types[String(words[2])] == nil, "a second TYPE of \(words[2])")
                types[String(words[2])] = String(words[3])
            } else {
                let blank = try #require(line.lastIndex(of: " "))
                let series = String(line[..<blank])
                #expect(series.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*(\{.+\})?/) != nil, "\(series)")
                #expect(samples[series] == nil, "\(series) stands twice")
                let value = line[line.index(after: blank)...]
                samples[series] = try #require(value == "+Inf" ? Double.infinity : Double(value))
            }
        }
    }
}

@Suite struct PrometheusMetricsTests {
    private let metrics = PrometheusMetrics(maximumSeries: 3)

    @Test func `every kind of instrument is exposed`() throws {
        metrics.describe("attendance.punches", "Punches by\noutcome \\ kind.")
        let stored = Counter(
            label: "attendance.punches", dimensions: [("outcome", "stored")], factory: metrics)
        stored.increment(by: 5)
        Counter(label: "attendance.punches", dimensions: [("outcome", "stored")], factory: metrics)
            .increment()
        Counter(label: "attendance.punches", dimensions: [("outcome", "repeated")], factory: metrics)
            .increment()
        FloatingPointCounter(label: "seconds.waited", factory: metrics).increment(by: 0.25)
        let meter = Meter(label: "connections", factory: metrics)
        meter.set(10)
        meter.decrement(by: 2.5)
        Recorder(label: "queue", dimensions: [], aggregate: false, factory: metrics).record(7)
        Recorder(label: "batch-size", factory: metrics).record(3)
        let timer = Timer(label: "ack", factory: metrics)
        timer.recordMilliseconds(3)
        timer.recordSeconds(7)
        timer.recordSeconds(1000)

        let text = metrics.exposition()
        let scrape = try Scrape(text)
        #expect(text.contains("# HELP attendance_punches_total Punches by\\noutcome \\\\ kind.\n"))
        #expect(scrape.types["attendance_punches_total"] == "counter")
        #expect(scrape.samples["attendance_punches_total{outcome=\"stored\"}"] == 6)
        #expect(scrape.samples["attendance_punches_total{outcome=\"repeated\"}"] == 1)
        #expect(scrape.samples["seconds_waited_total"] == 0.25)
        #expect(scrape.types["connections"] == "gauge" && scrape.samples["connections"] == 7.5)
        #expect(scrape.samples["queue"] == 7)
        #expect(scrape.types["batch_size"] == "histogram" && scrape.samples["batch_size_count"] == 1)
        #expect(scrape.types["ack_seconds"] == "histogram")
        #expect(scrape.samples["ack_seconds_bucket{le=\"0.0025\"}"] == 0)
        #expect(scrape.samples["ack_seconds_bucket{le=\"0.005\"}"] == 1)
        #expect(scrape.samples["ack_seconds_bucket{le=\"10\"}"] == 2)
        #expect(scrape.samples["ack_seconds_bucket{le=\"120\"}"] == 2)
        #expect(scrape.samples["ack_seconds_bucket{le=\"+Inf\"}"] == 3)
        #expect(scrape.samples["ack_seconds_count"] == 3)
        #expect(abs((scrape.samples["ack_seconds_sum"] ?? 0) - 1007.003) < 1e-9)
    }

    @Test(arguments: [
        ("plain", "plain"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("a\r\nb", "a\r\\nb"),
        ("张", "张"), ("", ""),
    ])
    func `label values are escaped`(value: String, escaped: String) {
        Counter(label: "c", dimensions: [("v", value)], factory: metrics).increment()
        #expect(metrics.exposition().contains("c_total{v=\"\(escaped)\"} 1\n"))
    }

    @Test(arguments: [("9lives", "_9lives"), ("a.b-c/d", "a_b_c_d"), ("é", "_"), ("", "_"), ("a:b", "a:b")])
    func `names are made fit`(label: String, name: String) {
        #expect(MetricText.name(label) == name)
    }

    @Test func `labels are sorted, unique, and leave the histograms' own alone`() {
        #expect(
            MetricText.labels([("b", "1"), ("a", "2"), ("b", "3"), ("le", "4"), ("__x", "5")])
                == "a=\"2\",b=\"3\",label___x=\"5\",label_le=\"4\"")
    }

    @Test func `labels without end are counted together`() throws {
        for number in 1...50 {
            Counter(label: "seen", dimensions: [("serial", "S\(number)")], factory: metrics).increment()
        }
        let scrape = try Scrape(metrics.exposition())
        #expect(scrape.samples.count == 4)
        #expect(scrape.samples["seen_total{serial=\"S1\"}"] == 1)
        #expect(scrape.samples["seen_total{serial=\"other\"}"] == 47)
    }

    @Test func `a counter does not go down and a histogram takes no nonsense`() throws {
        let counter = Counter(label: "c", factory: metrics)
        counter.increment(by: 3)
        counter.increment(by: -2)
        let recorder = Recorder(label: "r", factory: metrics)
        recorder.record(Double.nan)
        recorder.record(Double.infinity)
        recorder.record(2)
        let scrape = try Scrape(metrics.exposition())
        #expect(scrape.samples["c_total"] == 3)
        #expect(scrape.samples["r_sum"] == 2)
        counter.reset()
        #expect(try Scrape(metrics.exposition()).samples["c_total"] == 0)
    }

    @Test func `one name with two types stays valid, and what is destroyed is gone`() throws {
        Counter(label: "x_total", factory: metrics).increment()
        let meter = Meter(label: "x_total", factory: metrics)
        meter.set(4)
        #expect(try Scrape(metrics.exposition()).samples.count == 2)
        meter.destroy()
        #expect(try Scrape(metrics.exposition()).samples == ["x_total": 1])
    }

    @Test func `computed figures are asked at each scrape`() throws {
        metrics.addComputed { [MetricFamily("up", help: "Up.", value: 1)] }
        metrics.addComputed { [MetricFamily("none", help: "Nothing.", samples: [])] }
        let queue = MetricFamily(
            "queue_depth", help: "Owed.",
            samples: [.init(5, labels: [("sink", "erpnext")]), .init(0.5, labels: [("sink", "csv")])])
        let scrape = try Scrape(metrics.exposition(adding: [queue, queue]))
        #expect(
            scrape.samples == [
                "up": 1, "queue_depth{sink=\"erpnext\"}": 5, "queue_depth{sink=\"csv\"}": 0.5,
            ])
    }

    @Test func `the process tells about itself`() throws {
        metrics.addComputed { ProcessFigures.families() }
        let samples = try Scrape(metrics.exposition()).samples
        #expect(try #require(samples["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(samples["process_open_fds"]) >= 3)
        #expect(try #require(samples["process_max_fds"]) >= 64)
        #expect(try #require(samples["process_cpu_seconds_total"]) > 0)
        #expect(try #require(samples["process_threads"]) >= 1)
        let age = Date().timeIntervalSince1970 - (try #require(samples["process_start_time_seconds"]))
        #expect((-2...86_400).contains(age))
    }

    @Test(.timeLimit(.minutes(10))) func `many tasks count without losing one`() async throws {
        let counter = Counter(label: "c", factory: metrics)
        let timer = Timer(label: "t", factory: metrics)
        await withTaskGroup { group in
            for _ in 1...8 {
                group.addTask {
                    for _ in 1...1000 {
                        counter.increment()
                        timer.recordMilliseconds(1)
                    }
                }
            }
        }
        let samples = try Scrape(metrics.exposition()).samples
        #expect(samples["c_total"] == 8000)
        #expect(samples["t_seconds_count"] == 8000)
    }
}
