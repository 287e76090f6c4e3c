# Declarations of the native core and of the few CPython macros that Cython does not bring along.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.map cimport map as cpp_map
from libcpp.memory cimport make_shared, shared_ptr
from libcpp.string cimport string as cpp_string
from libcpp.vector cimport vector


cdef extern from "Python.h":
    int PyUnicode_IS_ASCII(object text) nogil
    int PyUnicode_KIND(object text) nogil
    void* PyUnicode_DATA(object text) nogil
    Py_ssize_t PyUnicode_GET_LENGTH(object text) nogil
    double long_as_double "PyLong_AsDouble"(object number)  # -1.0 with an exception set: too large
    PyObject** items_of "&PyTuple_GET_ITEM"(object items, Py_ssize_t first) nogil
    PyObject** list_items "PySequence_Fast_ITEMS"(object items) nogil
    const char* utf8_or_null "PyUnicode_AsUTF8AndSize"(PyObject* text, Py_ssize_t* size)
    dict PyObject_GenericGetDict(object o, void* context)
    ctypedef PyObject* (*PyCFunction)(PyObject*, PyObject*)
    ctypedef struct PyMethodDef:
        const char* ml_name
        PyCFunction ml_meth
        int ml_flags
        const char* ml_doc
    int METH_FASTCALL
    int METH_KEYWORDS
    object PyCFunction_NewEx(PyMethodDef* definition, object self, PyObject* module)


cdef extern from *:
    void prefetch "__builtin_prefetch" (const void* address) nogil


cdef extern from "core/view.h" namespace "pretzel" nogil:
    cdef enum class Encoding(uint8_t):
        kAscii
        kLatin1
        kUcs2
        kUcs4

    const char* kEncodingNames
    const char* kValueKindNames

    cdef enum class CellKind(uint8_t):
        kText
        kNumber
        kNone
        kNaN
        kNA
        kNaT
        kOther

    cdef struct Cell:
        const void* text
        double number
        int64_t size
        CellKind kind
        Encoding encoding
        cbool normalized

    cdef enum class ValueKind(uint8_t):
        kDense
        kSparse
        kCells

    cdef struct View:
        ValueKind kind
        int32_t width


cdef extern from "core/arena.h" namespace "pretzel" nogil:
    cdef cppclass Arena:
        cppclass Mark:
            pass
        void* alloc(size_t size)
        Mark mark()
        void release(Mark mark)
    int64_t arena_bytes_ "pretzel::arena_bytes"()
    uint32_t wait_for_growth_ "pretzel::wait_for_growth"(uint32_t seen)
    void stop_waiting_ "pretzel::stop_waiting"()


cdef extern from "core/thread_context.h" namespace "pretzel" nogil:
    cdef cppclass ThreadContext:
        Arena arena
        const void* last
    ThreadContext& thread_context()


cdef extern from "core/mix.h" namespace "pretzel" nogil:
    const uint64_t kGoldenRatio


cdef extern from "core/prefetch.h" namespace "pretzel" nogil:
    cdef cppclass PrefetchSpan:
        const char* const* lines
        void prefetch()

    cdef cppclass PrefetchList:
        void add(const void* data, size_t size) except +
        void finish() except +
        PrefetchSpan span()


cdef extern from "core/clock.h" namespace "pretzel" nogil:
    int64_t now_ns()
    int64_t reading_ns()


cdef extern from "cost/cost.h" namespace "pretzel" nogil:
    cdef enum class Regime(uint8_t):
        pass

    cdef cppclass CostTerm "pretzel::Cost::Term":
        const char* name
        double ns

    cdef cppclass CostTerms "pretzel::Cost::Terms":
        CostTerm at[8]
        int size

    cdef cppclass Cost:
        CostTerms terms[3]


cdef extern from "cost/coefficients.h" namespace "pretzel" nogil:
    cdef cppclass Coefficients:
        Coefficients()
        double unmeasured
        cpp_map[cpp_string, double] by_term

    cpp_string term_name(const char* kernel, Regime regime, const char* term) except +
    shared_ptr[const Coefficients] native_coefficients "pretzel::cost_coefficients" () except +
    void native_set_coefficients "pretzel::set_cost_coefficients" (shared_ptr[const Coefficients] coefficients) except +


cdef extern from "cost/speed_factor.h" namespace "pretzel" nogil:
    cdef cppclass SpeedFactor:
        double get()
        void reset()

    SpeedFactor native_speed_factor "pretzel::speed_factor"


cdef extern from "cost/program_cost.h" namespace "pretzel" nogil:
    cdef cppclass CostFeedback:
        double mean_payload()

    cdef cppclass Nanoseconds:
        double first_row
        double row
        double payload

    cdef cppclass StepCost:
        const char* kernel
        Cost cost
        double per_payload
        double per_row
        Nanoseconds subplans

    cdef cppclass ProgramCost:
        double estimate_ns(int64_t rows, int64_t payload)
        double row_price_ns(int64_t payload)
        void observe(int64_t rows, int64_t payload, double ns)
        int64_t arena_bytes(int64_t rows, int64_t payload)
        double inner_bytes(int64_t rows)
        void refresh(const Program& program) except +
        const CostFeedback& feedback()

    vector[StepCost] step_costs(const Program& program) except +


cdef extern from "cost/step_timers.h" namespace "pretzel" nogil:
    cdef cppclass StepTimer "pretzel::StepTimers::Timer":
        const int64_t ns
        const int64_t rows
        const int64_t runs

    cdef cppclass StepTimers:
        const StepTimer& operator[](size_t step)


cdef extern from "core/signature.h" namespace "pretzel" nogil:
    cdef enum class DType(uint8_t):
        pass

    const char* kDTypeNames

    cdef cppclass Array:
        Array()
        const void* data
        int64_t size
        int64_t shape[2]
        DType dtype
        uint8_t rank
        uint8_t element_bytes

    cdef cppclass string_view "std::string_view":
        const char* data()
        size_t size()

    cdef cppclass ArraySpan "std::span<const pretzel::Array>":
        ArraySpan()
        ArraySpan(const Array* data, size_t size)

    cdef cppclass Extent:
        string_view symbol
        int64_t plus

    cdef cppclass Shape:
        Extent extents[2]
        uint8_t rank

    const uint8_t kBindOnly
    const uint8_t kMayBeEmpty
    const uint8_t kHoldsOffsets
    const uint8_t kHoldsIndices

    cdef cppclass Param:
        const char* name
        DType dtype
        Shape shape
        uint8_t flags
        const char* choices
        Extent into

    cdef cppclass ParamSpan "std::span<const pretzel::Param>":
        size_t size()
        const Param& operator[](size_t i)

    cdef cppclass Kinds:
        uint8_t bits

    cdef cppclass ValueType:
        Kinds kinds
        Extent width

    cdef cppclass ViewSpan "std::span<const pretzel::View>":
        ViewSpan()
        ViewSpan(const View* data, size_t size)

    cpp_string check_params(const Kernel& kernel, ArraySpan params) except +
    cpp_string check_signature "pretzel::check_call"(const Kernel& kernel, const LoadCall& call) except +
    cpp_string check_signature_and_state "pretzel::check_state"(const Kernel& kernel, const LoadCall& call) except +


cdef extern from "core/kernel.h" namespace "pretzel" nogil:
    cdef enum class Status(int32_t):
        kOk
        kNotANumber
        kNoMemory
        kTied

    const char* kStatusNames
    cbool leaves_row(Status status)

    cdef cppclass BindCall:
        const Array* params
        vector[uint8_t]* state

    cdef cppclass LoadCall:
        ArraySpan params
        const uint8_t* state
        int64_t state_bytes
        ViewSpan inputs "in"
        const View* out

    ctypedef const char* (*BindFn)(const BindCall&) except +

    const uint8_t kStatePerIsa
    const uint8_t kLeavesRows
    const uint8_t kHasState

    cdef cppclass Kernel:
        const char* name
        int isa
        ParamSpan params
        ValueType input "in"
        ValueType output "out"
        BindFn bind
        int state_version
        uint8_t flags
        cbool runs_with(size_t param)

    const Kernel* find_kernel(const char* name)
    const char* registry_clash()
    vector[const Kernel*] all_kernels() except +
    int active_isa()
    void set_active_isa(int level)


cdef extern from "core/cells.h" namespace "pretzel" nogil:
    const char* kPackedKindNames


cdef extern from "core/reject.h" namespace "pretzel" nogil:
    const char* kRejectNames


cdef extern from "core/cache.h" namespace "pretzel" nogil:
    cdef cppclass CacheCounts:
        int64_t hits
        int64_t misses
        int64_t evictions
        int64_t entries
        int64_t bytes

    cdef cppclass Cache:
        Cache(int64_t budget) except +
        void clear()
        void restart()
        CacheCounts counts()
        int64_t budget()

    cdef cppclass Users "std::atomic<int32_t>":
        int32_t fetch_add(int32_t n)

    cdef cppclass CachedComputation:
        CachedComputation(Cache* cache, uint64_t id) except +
        Users users


cdef extern from "core/program_shape.h" namespace "pretzel" nogil:
    cdef enum class LeafKind(uint8_t):
        kNumeric
        kCells
        kSparse

    cdef cppclass LeafSpec:
        LeafKind kind
        int32_t slot

    cdef cppclass SlotSpec:
        ValueKind kind
        int32_t width
        int32_t buffer
        int32_t offset

    cdef cppclass Step:
        const Kernel* kernel
        int32_t first_param
        int32_t n_params
        int32_t first_input
        int32_t n_inputs
        int32_t output

    cdef cppclass SubPlanStep:
        int32_t step
        int32_t first_body
        int32_t n_bodies

    cdef cppclass ProgramShape:
        vector[LeafSpec] leaves
        vector[SlotSpec] slots
        vector[int32_t] buffers
        vector[Step] steps
        vector[int32_t] inputs
        vector[int32_t] stage_ends
        int32_t output
        vector[int32_t] sources
        vector[SubPlanStep] subplan_steps
        int64_t subplan_row_bytes
        int64_t row_bytes
        const char* check() except +
        void finish() except +
        int32_t tile


cdef extern from "core/plan.h" namespace "pretzel" nogil:
    cdef cppclass State:
        State()
        const uint8_t* data
        int64_t bytes

    cdef cppclass Program:
        const ProgramShape* shape
        vector[Array] params
        vector[State] states
        vector[const Program*] bodies
        cpp_string check() except +
        void finish() except +
        void cache_range(CachedComputation* computation, int32_t begin, int32_t end, int32_t output,
                         const vector[int32_t]& inputs) except +
        void add_prefetch(PrefetchList* lines) except +
        ProgramCost cost
        StepTimers timers


cdef extern from "core/inputs.h" namespace "pretzel" nogil:
    cdef enum class ColumnType(uint8_t):
        kF64
        kF32
        kF16
        kI64
        kI32
        kI16
        kI8
        kU64
        kU32
        kU16
        kU8
        kBool
        kI64AsF32
        kU64AsF32

    cdef struct NumberColumn:
        const char* data
        int64_t stride
        ColumnType type

    cdef struct CsrMatrix:
        const int32_t* indptr32
        const int64_t* indptr64
        const int32_t* indices32
        const int64_t* indices64
        const double* data

    cbool fits(const CsrMatrix& matrix, int64_t rows, int64_t nnz, int64_t width)

    cdef struct TextColumn:
        const uint8_t* data
        const int32_t* offsets32
        const int64_t* offsets64
        const uint8_t* valid
        int64_t start
        CellKind missing

    int64_t text_units(const TextColumn& column, int64_t first, int64_t rows)
    cbool is_ascii(const TextColumn& column, int64_t first, int64_t rows)

    cdef enum class CellForm "pretzel::CellColumn::Form"(uint8_t):
        kCells
        kNumbers
        kTexts

    cdef struct CellColumn:
        CellForm form
        Cell* cells
        NumberColumn numbers
        TextColumn texts

    cdef enum class LeafForm(uint8_t):
        kRows
        kColumns
        kCsr
        kCells
        kCellColumns

    cdef struct LeafInput:
        LeafForm form
        const double* rows
        int64_t row_stride
        const NumberColumn* columns
        CsrMatrix csr
        Cell* cells
        CellColumn* cell_columns
        int64_t cells_from


cdef extern from "core/request.h" namespace "pretzel" nogil:
    cdef cppclass CsrResult:
        vector[int64_t] indptr
        vector[int32_t] indices
        vector[double] data

    cdef cppclass Tracer:
        Tracer(const Program& program, int64_t rows)
        vector[vector[double]] dense
        vector[CsrResult] sparse

    cdef cppclass Request:
        const LeafInput* leaves
        int64_t first
        int64_t rows
        double* result
        CsrResult* sparse_result
        Tracer* tracer
        int64_t* step_times

    cdef cppclass RunResult:
        Status status
        int32_t step
        int64_t row
        int32_t column


cdef extern from "core/executor.h" namespace "pretzel" nogil:
    RunResult run_sampled(const Program& program, const Request& request, int64_t payload, double estimated_ns,
                          ThreadContext& thread)
    RunResult run(const Program& program, const Request& request, Arena& arena)
    int64_t run_measured(const Program& program, const Request& request, int64_t payload, RunResult* result)


cdef extern from "bindings/count.h" namespace "pretzel" nogil:
    cdef cppclass Count:
        uint64_t add(uint64_t n)
        uint64_t get()

    cdef cppclass Mutex:
        void lock()
        void unlock()


cdef extern from "bindings/request_scope.h" namespace "pretzel" nogil:
    cdef cppclass RequestScope:
        RequestScope()
        ThreadContext* thread
        Arena* arena


cdef extern from "bindings/call_statistics.h" namespace "pretzel" nogil:
    cdef enum class Ending(uint8_t):
        kAnswered
        kInvalid
        kRejected
        kCancelled
        kFailed

    const char* kEndingNames

    cdef cppclass CallFailures:
        void add(Ending ending) except +
        int64_t ended(int ending)

    cdef cppclass CallStatistics:
        cbool begin(int rarity)
        void end(Ending ending)
        void time(int64_t nanoseconds) except +
        int64_t begun()
        int64_t ended(int ending)
        int64_t nanoseconds()
        int64_t timed(int bucket)
    const int kFirst "pretzel::CallStatistics::kFirst"
    const int kBuckets "pretzel::CallStatistics::kBuckets"


cdef extern from "scheduler/scheduler.h" namespace "pretzel" nogil:
    const int64_t kNever

    cdef enum class RequestOutcome(uint8_t):
        kDone
        kFailed
        kExpired
        kCancelled
        kLost

    const char* kRequestOutcomeNames

    cdef enum class Admission(uint8_t):
        kAccepted
        kQueueFull
        kClosed

    cdef cppclass Job:
        const Program* program
        Request request
        int64_t units
        double nanoseconds
        int64_t deadline
        cbool in_order
        cbool awaited
        RequestOutcome outcome
        RunResult result

    cdef cppclass SchedulerStats:
        int64_t waiting
        int64_t started
        double nanoseconds
        double error_ratio
        int64_t accepted
        int64_t rejected_overload
        int64_t rejected_deadline
        int64_t ended[6]
        int64_t overdue
        int64_t morsels
        int64_t preempted
        int64_t prefix_batched

    cdef cppclass NativeScheduler "pretzel::Scheduler":
        NativeScheduler(int workers, int64_t queue_capacity, size_t bytes, cbool background) except +
        Admission submit(Job* job, int64_t* expected) except +
        Admission check_admission(Job* job, int64_t* expected)
        cbool cancel(Job* job)
        cbool wait(Job* job, int64_t timeout)
        void collect(vector[Job*]* jobs) except +
        void close(cbool drain)
        SchedulerStats stats()
        void pause(cbool paused)
        void inject_fault()


cdef extern from "core/multi_model_batch.h" namespace "pretzel" nogil:
    cdef cppclass BatchItem:
        BatchItem()
        const Program* program
        const LeafInput* leaves
        double* answer
        void* method
        RunResult result

    void run_multi_model_batch(BatchItem* items, int64_t n, Arena& arena)
