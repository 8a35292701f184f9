/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit Query
 *
 * The first question is for the cgroup. A unit that has none has ended meanwhile, or does not run
 * yet: nothing more is asked, since each question makes PID 1 load a unit that it has just dropped.
 */

#include "bus/unit-query.h"
#include "bus/unit-object.h"

#define UNIT_INTERFACE    "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"

typedef int (*PropertyReader)(sd_bus_message *reply, UnitProperties *p);

typedef struct Call {
        UnitQuery *query;
        PropertyReader read;
        sd_bus_slot *slot;
} Call;

struct UnitQuery {
        sd_bus *bus;
        char *path;
        const char *interface; /* of the unit's type */
        bool with_names;
        Call calls[UNIT_QUERY_CALLS_MAX];
        size_t n_calls, n_pending;
        UnitProperties properties;
        int error;
        UnitQueryDone done;
        void *userdata;
};

static int read_string(sd_bus_message *reply, char **ret) {
        const char *s;
        int r;

        r = sd_bus_message_read(reply, "v", "s", &s);
        if (r < 0)
                return r;
        return free_and_strdup(ret, s);
}

static int read_active_state(sd_bus_message *reply, UnitProperties *p) {
        return read_string(reply, &p->active_state);
}

static int read_control_group(sd_bus_message *reply, UnitProperties *p) {
        return read_string(reply, &p->control_group);
}

static int read_main_pid(sd_bus_message *reply, UnitProperties *p) {
        uint32_t pid;
        int r;

        r = sd_bus_message_read(reply, "v", "u", &pid);
        if (r < 0)
                return r;
        if (pid > INT32_MAX)
                return -EBADMSG;
        p->main_pid = (pid_t) pid;
        return 0;
}

static int read_invocation_id(sd_bus_message *reply, UnitProperties *p) {
        const void *data;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(reply, 'v', "ay");
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(reply, 'y', &data, &size);
        if (r < 0)
                return r;

        if (size == sizeof(p->invocation_id))
                memcpy(&p->invocation_id, data, size);
        else if (size > 0)
                return -EBADMSG;
        return 0;
}

static int read_names(sd_bus_message *reply, UnitProperties *p) {
        _cleanup_(strv_freep) char **names = NULL;
        const char *name;
        int r;

        names = strv_copy(NULL);
        if (!names)
                return -ENOMEM;
        r = sd_bus_message_enter_container(reply, 'v', "as");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(reply, "s", &name)) > 0) {
                r = strv_extend(&names, name);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        strv_free(p->names);
        p->names = TAKE_PTR(names);
        return 0;
}

/* Such an answer is one: the unit, or this version of systemd, has no such property. */
static bool error_is_absence(const sd_bus_error *e) {
        return sd_bus_error_has_names(e, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                                      SD_BUS_ERROR_UNKNOWN_INTERFACE, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                      "org.freedesktop.systemd1.NoSuchUnit");
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_);

static int query_property(UnitQuery *q,
                          const char *interface,
                          const char *property,
                          PropertyReader read) {
        Call *call = &q->calls[q->n_calls];
        int r;

        assert(q->n_calls < UNIT_QUERY_CALLS_MAX);

        *call = (Call){ .query = q, .read = read };
        r = sd_bus_call_method_async(q->bus, &call->slot, "org.freedesktop.systemd1", q->path,
                                     "org.freedesktop.DBus.Properties", "Get", on_reply, call, "ss",
                                     interface, property);
        if (r < 0)
                return r;
        q->n_calls++;
        q->n_pending++;
        return 0;
}

/* What is asked of a unit that has a cgroup. */
static int query_details(UnitQuery *q) {
        int r;

        r = query_property(q, UNIT_INTERFACE, "ActiveState", read_active_state);
        if (r < 0)
                return r;
        r = query_property(q, UNIT_INTERFACE, "InvocationID", read_invocation_id);
        if (r < 0)
                return r;
        if (q->with_names) {
                r = query_property(q, UNIT_INTERFACE, "Names", read_names);
                if (r < 0)
                        return r;
        }
        if (!streq(q->interface, SERVICE_INTERFACE))
                return 0;
        return query_property(q, q->interface, "MainPID", read_main_pid);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error _unused_) {
        Call *call = userdata;
        UnitQuery *q = call->query;
        bool first = call == q->calls;
        int r = 0;

        call->slot = sd_bus_slot_unref(call->slot);
        q->n_pending--;

        if (!sd_bus_message_is_method_error(reply, NULL))
                r = call->read(reply, &q->properties);
        else if (!error_is_absence(sd_bus_message_get_error(reply)))
                r = -sd_bus_message_get_errno(reply);
        if (r >= 0 && first && !isempty(q->properties.control_group))
                r = query_details(q);
        if (r < 0 && q->error == 0)
                q->error = r;

        if (q->n_pending == 0)
                q->done(q, q->error, &q->properties, q->userdata);
        return 0;
}

int unit_query_new(UnitQuery **ret,
                   sd_bus *bus,
                   const char *name,
                   bool with_names,
                   UnitQueryDone done,
                   void *userdata) {
        const char *interface = unit_object_get_interface(name);
        _cleanup_(unit_query_freep) UnitQuery *q = NULL;
        int r;

        if (!interface)
                return -EOPNOTSUPP;

        q = calloc(1, sizeof(UnitQuery));
        if (!q)
                return -ENOMEM;
        q->bus = sd_bus_ref(bus);
        q->interface = interface;
        q->with_names = with_names;
        q->done = done;
        q->userdata = userdata;
        r = unit_object_encode(name, &q->path);
        if (r < 0)
                return r;
        r = query_property(q, interface, "ControlGroup", read_control_group);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(q);
        return 0;
}

UnitQuery *unit_query_free(UnitQuery *q) {
        if (!q)
                return NULL;

        for (size_t i = 0; i < q->n_calls; i++)
                sd_bus_slot_unref(q->calls[i].slot);
        free(q->properties.active_state);
        free(q->properties.control_group);
        strv_free(q->properties.names);
        free(q->path);
        sd_bus_unref(q->bus);
        free(q);
        return NULL;
}
