/// What the simulated site has seen, for tests that ask how it was treated.
package struct SimulatedSiteStatistics: Sendable {
    /// Requests by method and path, such as `GET api/method/ping`.
    package var requests: [String: Int] = [:]
    /// Requests whose answer is still owed, and the most there were at once.
    package var parallel = 0
    package var maximumParallel = 0
    /// Calls that store check-ins, at work inside the site, and the most there were at once.
    package var deliveriesAtWork = 0
    package var maximumDeliveriesAtWork = 0
    /// How often a check-in arrived while another of the same employee was at work, in all and by employee (document
    /// name in lower case).
    package var overlaps = 0
    package var overlapsByEmployee: [String: Int] = [:]
    /// Calls of `insert_many`, the documents in them, and the most in one.
    package var insertManyCalls = 0
    package var insertManyDocuments = 0
    package var largestInsertMany = 0
    /// Answers by status, without those that were never given.
    package var answers: [Int: Int] = [:]
    /// Answers an injected fault has changed or taken the place of, by the fault.
    package var faults: [ERPNextFault: Int] = [:]

    private var atWork: [String: Int] = [:]

    mutating func began(_ request: SiteRequest) {
        requests["\(request.method) \(request.path)", default: 0] += 1
        parallel += 1
        maximumParallel = max(maximumParallel, parallel)
    }

    mutating func ended() { parallel -= 1 }

    mutating func beganDelivery(_ employees: [String]) {
        deliveriesAtWork += 1
        maximumDeliveriesAtWork = max(maximumDeliveriesAtWork, deliveriesAtWork)
        for employee in employees {
            if atWork[employee, default: 0] > 0 {
                overlaps += 1
                overlapsByEmployee[employee, default: 0] += 1
            }
            atWork[employee, default: 0] += 1
        }
    }

    mutating func endedDelivery(_ employees: [String]) {
        deliveriesAtWork -= 1
        for employee in employees {
            let left = atWork[employee, default: 1] - 1
            atWork[employee] = left == 0 ? nil : left
        }
    }

    mutating func inserted(many documents: Int) {
        insertManyCalls += 1
        insertManyDocuments += documents
        largestInsertMany = max(largestInsertMany, documents)
    }
}
